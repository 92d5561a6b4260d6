"""The simulator against the mathematics of the Cahn-Hilliard equation."""

import math
import random

import numpy as np
import pytest
import torch
from ginzburg_landau import free_energy

from skmicro.datasets import make_cahn_hilliard
from skmicro.datasets._cahn_hilliard import _mixture, evolve, squared_frequencies
from skmicro.datasets._drawing import even_sequence

SHAPES = [(24, 20), (12, 10, 9)]


def mixture(shape, mean=0.1, n=2, noise=0.05, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return mean + noise * torch.randn(n, *shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "drift"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
def test_mass_is_conserved(shape, dtype, drift):
    start = mixture(shape, dtype=dtype)
    end = evolve(start, 300, 0.5, 1.0)
    dims = tuple(range(1, start.ndim))
    change = end.double().mean(dim=dims) - start.double().mean(dim=dims)
    assert end.std() > 0.5
    assert change.abs().max() < drift


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dt", [0.1, 1.0, 30.0])
def test_energy_never_rises(shape, dt):
    field = mixture(shape)
    energies = [free_energy(field, 0.5)]
    for _ in range(100):
        field = evolve(field, 1, 0.5, dt)
        energies.append(free_energy(field, 0.5))
    energies = torch.stack(energies)
    assert (energies.diff(dim=0) <= 1e-12 * energies[0]).all()
    assert (energies[-1] < 0.98 * energies[0]).all()


@pytest.mark.parametrize(
    ("shape", "mode"), [((32, 32), (0, 3)), ((32, 24), (4, 2)), ((16, 16, 12), (1, 2, 1))]
)
@pytest.mark.parametrize(("mean", "gamma"), [(0.0, 0.5), (0.3, 0.5), (0.5, 0.2), (0.7, 0.5)])
def test_growth_rate_of_a_small_mode(shape, mode, mean, gamma):
    grids = torch.meshgrid(*(torch.arange(s, dtype=torch.float64) for s in shape), indexing="ij")
    waves = [2 * math.pi * m / side for m, side in zip(mode, shape, strict=True)]
    wave = torch.cos(sum(k * grid for k, grid in zip(waves, grids, strict=True)))
    end = evolve((mean + 1e-7 * wave)[None], 100, gamma, 1e-3)[0]
    amplitude = ((end - mean) * wave).sum() / wave.square().sum() / 1e-7
    k2 = sum(k * k for k in waves)
    expected = -k2 * (3 * mean**2 - 1 + gamma * k2)
    assert math.log(amplitude) / 0.1 == pytest.approx(expected, rel=0.01, abs=1e-6)


@pytest.mark.parametrize("gamma", [1.0, 2.0])
@pytest.mark.parametrize("rest", [(3,), (2, 3)])
def test_energy_of_the_exact_flat_interface(gamma, rest):
    distance = (torch.arange(96, dtype=torch.float64) - 48).abs() - 24
    profile = torch.tanh(distance / math.sqrt(2 * gamma)).expand(1, *rest, 96)
    energy = free_energy(profile, gamma).item() / (2 * math.prod(rest))
    assert energy == pytest.approx(2 * math.sqrt(2) / 3 * math.sqrt(gamma), rel=1e-3)


def test_a_sharp_step_relaxes_to_the_flat_interface():
    step = torch.ones(1, 2, 64, dtype=torch.float64)
    step[..., 16:48] = -1
    relaxed = evolve(step, 400, 1.0, 1.0)
    energy = free_energy(relaxed, 1.0).item() / 4
    assert energy == pytest.approx(2 * math.sqrt(2) / 3, rel=2e-3)
    assert free_energy(step, 1.0).item() / 4 > 1.2 * energy


@pytest.mark.parametrize("shape", SHAPES)
def test_symmetries_of_the_equation(shape):
    start = mixture(shape)
    end = evolve(start, 40, 0.5, 1.0)
    assert end.std() > 0.3
    torch.testing.assert_close(evolve(-start, 40, 0.5, 1.0), -end)
    moved = evolve(start.roll((5, 7), dims=(1, 2)), 40, 0.5, 1.0)
    torch.testing.assert_close(moved, end.roll((5, 7), dims=(1, 2)))
    turned = evolve(start.transpose(1, 2), 40, 0.5, 1.0)
    torch.testing.assert_close(turned, end.transpose(1, 2))


def test_a_volume_constant_along_an_axis_evolves_as_its_section():
    flat = mixture((16, 18))
    solid = evolve(flat[:, None].expand(2, 5, 16, 18), 60, 0.5, 1.0)
    torch.testing.assert_close(solid[:, 3], evolve(flat, 60, 0.5, 1.0))


def test_long_runs_stay_bounded():
    end = evolve(mixture((16, 18), dtype=torch.float32), 4000, 0.5, 1.0)
    assert end.abs().max() < 1.1


def test_squared_frequencies_of_even_and_odd_sides():
    unit = 2 * math.pi
    expected = (unit / 3) ** 2 + (unit / 2) ** 2
    assert squared_frequencies((3, 4)).shape == (3, 3)
    assert squared_frequencies((3, 4))[2, 2].item() == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(48, 40), (20, 18, 16)])
def test_images_are_labels_and_p1_is_measured(shape):
    images, p1 = make_cahn_hilliard(5, shape, volume_fraction=0.4, random_state=0)
    assert images.shape == (5, *shape)
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 1}
    assert p1.dtype == np.float64
    np.testing.assert_array_equal(p1, images.reshape(5, -1).mean(axis=1))


@pytest.mark.slow
def test_documented_relation_of_measured_and_mixed_fraction():
    _, p1 = make_cahn_hilliard(64, volume_fraction=(0.277, 0.723), random_state=3)
    mixed = even_sequence(64, 0.277, 0.723, 3)
    assert np.abs(p1 - (0.5 + 1.13 * (mixed - 0.5))).max() < 0.02
    assert p1.min() == pytest.approx(0.25, abs=0.02)
    assert p1.max() == pytest.approx(0.75, abs=0.02)
    assert np.diff(np.sort(p1)).max() < 0.035


def test_neighbouring_voxels_agree_also_across_the_border():
    images, _ = make_cahn_hilliard(8, volume_fraction=0.5, random_state=0)
    for axis in (1, 2):
        same = images == np.roll(images, 1, axis=axis)
        assert same.take(0, axis=axis).mean() > 0.8


@pytest.mark.parametrize("n", [1, 2, 10, 257, 1024])
def test_fractions_cover_their_range_evenly(n):
    values = np.sort(even_sequence(n, 0, 1, seed=7))
    gaps = np.diff(np.append(values, values[0] + 1))
    assert values[0] >= 0
    assert values[-1] < 1
    assert gaps.max() <= 2.62 / n


def quick(n, random_state, **options):
    return make_cahn_hilliard(n, (16, 16), n_steps=100, random_state=random_state, **options)[0]


def test_a_seed_gives_the_same_images_and_the_first_ones_do_not_depend_on_their_number():
    many = quick(37, 5)
    np.testing.assert_array_equal(many, quick(37, 5))
    np.testing.assert_array_equal(many[:3], quick(3, 5))
    np.testing.assert_array_equal(many[:17], quick(17, 5))
    assert (many != quick(37, 6)).any()
    alike = quick(37, 5, volume_fraction=0.5)
    assert len(np.unique(alike.reshape(37, -1), axis=0)) == 37


def test_jobs_and_threads_change_nothing():
    threads = torch.get_num_threads()
    np.testing.assert_array_equal(quick(37, 5), quick(37, 5, n_jobs=2))
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mixture_has_the_mean_and_the_noise_asked_for(shape):
    fields = np.stack([_mixture(0.4, shape, 0.05, 3, index) for index in range(20)])
    means = fields.reshape(20, -1).mean(axis=1, dtype=np.float64)
    np.testing.assert_allclose(means, -0.2, atol=1e-7)
    assert fields.std() == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_random_state_objects(make):
    source = make(0)
    first, second = quick(2, source), quick(2, source)
    assert (first != second).any()
    np.testing.assert_array_equal(first, quick(2, make(0)))


def test_fresh_entropy_and_no_global_generator_touched():
    np.random.seed(0)  # noqa: NPY002 - the global state is what is watched
    torch.manual_seed(0)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate()  # noqa: NPY002
    first, second = quick(2, None), quick(2, None)
    after = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate()  # noqa: NPY002
    assert (first != second).any()
    assert before == after


@pytest.mark.parametrize(("fraction", "separated"), [(0.5, 0.5), (0.3, 0.25), (0.25, 0.22)])
def test_the_shortest_run_allowed_has_separated(fraction, separated):
    with pytest.raises(ValueError, match=r"n_steps must be >= \d+, got 1:") as caught:
        make_cahn_hilliard(1, volume_fraction=fraction, n_steps=1)
    n_steps = int(str(caught.value).split()[4].rstrip(","))
    with pytest.raises(ValueError, match=f"got {n_steps - 1}:"):
        make_cahn_hilliard(1, volume_fraction=fraction, n_steps=n_steps - 1)
    _, p1 = make_cahn_hilliard(
        8, volume_fraction=fraction, n_steps=n_steps, noise=0.05, random_state=0
    )
    assert np.abs(p1 - separated).max() < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": 0}, r"n_samples must be >= 1, got 0\."),
        ({"n_steps": 0}, r"n_steps must be >= 1, got 0\."),
        ({"shape": (64,)}, r"shape must hold 2 or 3 integers, got \(64,\)\."),
        ({"shape": 64}, "shape must hold 2 or 3 integers, got 64"),
        ({"shape": (64, 0)}, r"shape\[1\] must be >= 1, got 0\."),
        ({"shape": (4, 4)}, r"shape must be larger .*got \(4, 4\)"),
        ({"volume_fraction": 0.2}, r"volume_fraction must lie in \(0\.2113, 0\.7887\).*got 0\.2\."),
        ({"volume_fraction": (0.3, 0.9)}, "volume_fraction must lie in .*got 0.9"),
        ({"volume_fraction": (0.6, 0.4)}, r"low <= high, got \(0\.6, 0\.4\)"),
        ({"volume_fraction": (0.4, 0.5, 0.6)}, "volume_fraction must be a number or a range"),
        ({"volume_fraction": math.nan}, "volume_fraction must lie in .*got nan"),
        ({"volume_fraction": 0.22}, "n_steps must be >= .*, got 500: .*0.22"),
        ({"gamma": 0}, "gamma must lie in .*got 0"),
        ({"gamma": math.inf}, "gamma must lie in .*got inf"),
        ({"dt": -1.0}, "dt must lie in .*got -1"),
        ({"noise": 0.0}, "noise must lie in .*got 0"),
        ({"noise": 2.0}, "noise must lie in .*got 2"),
        ({"random_state": -1}, "random_state must be >= 0, got -1"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_cahn_hilliard(**{"n_samples": 1, **options})


@pytest.mark.parametrize(
    "options",
    [{"n_samples": 2.0}, {"n_steps": "9"}, {"shape": (8, 8.5)}, {"volume_fraction": "half"}],
)
def test_bad_types_are_named(options):
    with pytest.raises(TypeError, match=next(iter(options))):
        make_cahn_hilliard(**{"n_samples": 1, **options})
