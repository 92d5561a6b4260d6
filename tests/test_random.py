"""Seeds from what users pass, and draws whose first rows do not depend on their number."""

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier
from sklearn.pipeline import make_pipeline

from skmicro._random import draw_seed, normal_rows, numpy_generator, seeded, torch_generator


@pytest.mark.parametrize("seed", [0, 7, 2**40, np.int64(7), np.uint8(7), True])
def test_an_integer_is_its_own_seed(seed):
    assert draw_seed(seed) == int(seed)
    assert type(draw_seed(seed)) is int


def test_none_takes_fresh_entropy():
    seeds = {draw_seed() for _ in range(50)}
    assert len(seeds) == 50
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_generators_are_advanced_reproducibly(make):
    generator, same = make(3), make(3)
    first, second = draw_seed(generator), draw_seed(generator)
    assert first != second
    assert [first, second] == [draw_seed(same), draw_seed(same)]
    assert draw_seed(make(4)) != first


@pytest.mark.parametrize("seed", [-1, np.int64(-5)])
def test_negative_seeds_are_refused(seed):
    with pytest.raises(ValueError, match=f"random_state must be >= 0, got {seed}"):
        draw_seed(seed)


@pytest.mark.parametrize("seed", [1.5, "1", (1, 2), torch.Generator()])
def test_other_types_are_refused(seed):
    with pytest.raises(TypeError, match="random_state must be None, an int"):
        draw_seed(seed)


@pytest.mark.parametrize("n_columns", [1, 3, 128])
def test_the_first_rows_do_not_depend_on_how_many_follow(n_columns):
    many = normal_rows(1000, n_columns, numpy_generator(5, 0))
    for n_rows in (1, 2, 17, 999):
        few = normal_rows(n_rows, n_columns, numpy_generator(5, 0))
        np.testing.assert_array_equal(few, many[:n_rows])
    assert many.dtype == np.float32


def test_rows_are_standard_normal():
    rows = normal_rows(20_000, 4, numpy_generator(0, 0)).astype(float)
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=4 / np.sqrt(len(rows)))
    np.testing.assert_allclose(np.cov(rows.T), np.eye(4), atol=0.05)
    np.testing.assert_allclose((rows**4).mean(axis=0), 3.0, atol=0.3)


@pytest.mark.parametrize("make", [numpy_generator, torch_generator])
def test_streams_of_a_seed_are_different_and_repeatable(make):
    def draw(*stream):
        generator = make(*stream)
        if isinstance(generator, torch.Generator):
            return torch.rand(1, generator=generator, dtype=torch.float64).item()
        return generator.random()

    names = [(5, 0), (5, 1), (5, 2, 1), (5, 1, 2), (6, 1), (2**62, 3), (2**62 + 1, 3)]
    numbers = [draw(*name) for name in names]
    assert len(set(numbers)) == len(names)
    assert numbers == [draw(*name) for name in names]


def test_seeding_consumes_no_global_random_state():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    draw_seed()
    normal_rows(3, 4, numpy_generator(draw_seed(1), 0))
    torch.rand(3, generator=torch_generator(draw_seed(2), 0))
    torch.testing.assert_close(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_open_seeds_of_an_estimator_and_its_parts_are_drawn():
    open_twice = make_pipeline(BaggingClassifier(DummyClassifier()))
    first, again = (seeded(open_twice, numpy_generator(0)).get_params() for _ in range(2))
    names = ["baggingclassifier__random_state", "baggingclassifier__estimator__random_state"]
    assert [first[name] for name in names] == [again[name] for name in names]
    assert len({first[name] for name in names}) == 2
    assert all(open_twice.get_params()[name] is None for name in names)
    kept = seeded(DummyClassifier(random_state=5), numpy_generator(0))
    assert kept.random_state == 5
