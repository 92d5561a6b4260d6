"""Process variables: columns of y as conditions."""

import pickle
import warnings
from functools import cache

import numpy as np
import pytest
import torch

import skmicro
from skmicro.conditioning import variable_values, with_variables
from skmicro.conditioning._process import ProcessVariable
from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import ExtrapolationWarning
from skmicro.flows import _inpainting
from skmicro.generators import FlowMatchingGenerator
from skmicro.generators._sources import Windows

TINY = {
    "n_iter": 2,
    "width": 4,
    "batch_size": 4,
    "random_state": 0,
    "device": "cpu",
    "precision": "float32",
}
N = 8
HEAT = np.linspace(600.0, 1000.0, N)


def images(n=N, shape=(8, 8), seed=0):
    return (np.random.default_rng(seed).random((n, *shape)) < 0.4).astype(np.uint8)


def fitted(y=HEAT, conditions=("p1", "y"), **settings):
    return FlowMatchingGenerator(conditions=conditions, **TINY | settings).fit(images(), y)


def heated():
    """A copy of the one generator that was fitted to p1 and the heat."""
    return pickle.loads(_pickled())


@cache
def _pickled():
    return pickle.dumps(fitted())


def variable_columns(generator):
    names = generator.conditions_.names
    return dict(zip(names, generator.conditions_.rows.T, strict=True))


def frame(library="pandas", **columns):
    module = pytest.importorskip(library, reason=f"{library} is optional")
    return module.DataFrame(columns)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_a_data_frame_by_name(library):
    y = frame(library, rate=HEAT / 7, heat=HEAT, unused=np.full(N, np.nan))
    rows = variable_columns(fitted(y, ("heat", "p1", "rate")))
    np.testing.assert_allclose(rows["heat"], HEAT, rtol=1e-6)
    np.testing.assert_allclose(rows["rate"], HEAT / 7, rtol=1e-6)
    fractions = VolumeFraction().fit_transform(images())[:, 0]
    np.testing.assert_allclose(rows["p1"], fractions, atol=1e-6)


def test_a_series_keeps_its_name():
    series = frame(heat=HEAT)["heat"]
    np.testing.assert_allclose(variable_columns(fitted(series, ("heat",)))["heat"], HEAT)


@pytest.mark.parametrize("kind", [list, np.asarray, torch.tensor])
def test_one_column_is_y(kind):
    np.testing.assert_allclose(variable_columns(fitted(kind(HEAT)))["y"], HEAT, rtol=1e-6)


def test_several_columns_are_y0_and_y1():
    y = np.stack([HEAT, -HEAT, HEAT**0.5], axis=1)
    rows = variable_columns(fitted(y, ("y2", "y0")))
    np.testing.assert_allclose(rows["y0"], HEAT, rtol=1e-6)
    np.testing.assert_allclose(rows["y2"], HEAT**0.5, rtol=1e-6)


def test_one_column_with_two_axes_is_y0():
    np.testing.assert_allclose(variable_columns(fitted(HEAT[:, None], ("y0",)))["y0"], HEAT)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (None, ValueError, r"descriptors or columns of y \(none\), got 'y'"),
        (np.zeros((N, 2)), ValueError, r"columns of y \(y0, y1\), got 'y'"),
        (HEAT[:5], ValueError, r"each of the 8 images, got shape \(5,\)"),
        (np.append(HEAT[:-1], np.nan), ValueError, "y must be finite in single precision, got nan"),
        (np.append(HEAT[:-1], np.inf), ValueError, "y must be finite in single precision, got inf"),
        (np.append(HEAT[:-1], 1e39), ValueError, "single precision, got 1e[+]39"),
        (["hot"] * N, TypeError, "column 'y' of y must be numeric, got type <U3"),
        ([str(heat) for heat in HEAT], TypeError, "column 'y' of y must be numeric"),
        (np.array(["1"] * N, object), TypeError, "of y must be numeric, got type object"),
        (HEAT + 0j, TypeError, "must be numeric, got type complex128"),
        (HEAT.astype("datetime64[s]"), TypeError, "must be numeric, got type datetime64"),
        (HEAT.astype("timedelta64[s]"), TypeError, "must be numeric, got type timedelta64"),
        (
            1.7e9 + np.arange(N),
            ValueError,
            "y must vary by more than 1e-05 of its values.*1700000007",
        ),
        (1.0 + 1e-7 * np.arange(N), ValueError, "y must vary by more than .*subtract an offset"),
        (-1e6 - np.arange(N) % 2, ValueError, "y must vary by more than 1e-05 of its values"),
        ([None] * N, (TypeError, ValueError), "column 'y' of y must be (numeric|finite)"),
        (np.zeros((N, 1, 1)), ValueError, r"y must have one or two axes, got shape \(8, 1, 1\)"),
    ],
)
def test_columns_that_will_not_do(y, error, message):
    estimator = FlowMatchingGenerator(conditions=("p1", "y"), **TINY)
    before = dict(vars(estimator))
    with pytest.raises(error, match=message):
        estimator.fit(images(), y)
    assert vars(estimator) == before
    generator = heated()
    before = dict(vars(generator))
    with pytest.raises(error, match=message):
        generator.partial_fit(images(), y)
    with pytest.raises(error, match=message):
        generator.fine_tune(images(), n_iter=1, y=y)
    assert vars(generator) == before


@pytest.mark.parametrize(
    "y",
    [
        np.full(N, 1.7e9),
        1.7e9 + 1e5 * np.arange(N),
        1e-30 * np.arange(N),
        np.zeros(N),
        np.arange(N, dtype=np.uint64),
        np.arange(N) % 2 == 0,
        np.array([True, 2, 3.5, np.float32(4), np.int8(5), np.False_, 7, 8.0], object),
    ],
)
def test_columns_that_single_precision_resolves(y):
    rows = variable_columns(fitted(y))
    expected = y.astype(np.float64)
    np.testing.assert_allclose(rows["y"], expected, atol=2e-7 * np.abs(expected).max())
    assert len(np.unique(rows["y"])) == len(np.unique(expected))


def test_columns_of_one_name_are_refused():
    y = frame(a=HEAT, b=HEAT)
    y.columns = ["a", "a"]
    with pytest.raises(ValueError, match=r"y must have different column names, got \['a', 'a'\]"):
        fitted(y, ("a",))
    y.columns = [1, "1"]
    with pytest.raises(ValueError, match="y must have different column names"):
        fitted(y, ("1",))


def test_a_table_of_numbers_and_words_gives_its_numbers():
    y = frame(heat=HEAT.astype(object), name=["a"] * N)
    np.testing.assert_allclose(variable_columns(fitted(y, ("heat",)))["heat"], HEAT)
    with pytest.raises(TypeError, match="column 'name' of y must be numeric, got type"):
        fitted(y, ("name",))


def test_y_is_ignored_without_process_variables():
    X = images()
    plain, other = (fitted(y, ("p1",)).sample(3, random_state=0) for y in (None, ["a"] * 3))
    np.testing.assert_array_equal(plain, other)
    assert X.shape[1:] == plain.shape[1:]


def test_misspelt_descriptors_are_not_taken_for_variables():
    with pytest.raises(ValueError, match=r"columns of y \(y\), got 'specific_surfase'"):
        fitted(conditions=("specific_surfase",))
    assert [type(item) for item in with_variables(["p1", "p11"])] == [str, ProcessVariable]


@pytest.mark.parametrize(
    "name", ["shape", "mask", "X", "periodic", "random_state", "exact", "n_samples"]
)
def test_names_that_sample_and_inpaint_have_taken(name):
    with pytest.raises(ValueError, match=f"no arguments of sample or inpaint, got '{name}'"):
        fitted(frame(**{name: HEAT}), (name,))


def test_a_variable_is_named_once():
    with pytest.raises(ValueError, match="conditions must have different names"):
        fitted(conditions=("y", "y"))


def test_values_stand_in_the_order_of_the_names():
    y = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(variable_values(["y1", "y0"], y, 3), y[:, ::-1])
    assert variable_values([], None, 3).shape == (3, 0)


def test_values_are_told_from_measured_columns_of_any_order():
    """Two curves around two variables: every number stands in its own column."""
    y = frame(a=HEAT, b=-HEAT)
    table = fitted(y, ("a", "phase_fractions", "b", "p1")).conditions_
    a, fractions, b, p1 = table.split(table.rows)
    np.testing.assert_allclose(a[:, 0], HEAT, rtol=1e-6)
    np.testing.assert_allclose(b[:, 0], -HEAT, rtol=1e-6)
    np.testing.assert_allclose(fractions[:, 1:], p1)
    np.testing.assert_allclose(fractions.sum(axis=1), 1.0, rtol=1e-6)
    assert table.variables == ["a", "b"]


def test_given_values_reach_the_network_and_others_are_those_of_training_images():
    generator = heated()
    seen = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
    table = generator.conditions_
    _, targets = generator.sample(3, y=[650.0, 700.0, 950.0], random_state=0, return_targets=True)
    np.testing.assert_allclose(targets["y"][:, 0], [650.0, 700.0, 950.0])
    np.testing.assert_allclose(seen[0][:3, 1], [650.0, 700.0, 950.0])
    nearest = np.abs(HEAT[:, None] - [650.0, 700.0, 950.0]).argmin(axis=0)
    np.testing.assert_allclose(targets["p1"], table.rows[nearest, :1])
    _, drawn = generator.sample(20, random_state=0, return_targets=True)
    pairs = {tuple(row) for row in table.rows}
    assert {(p1[0], y[0]) for p1, y in zip(drawn["p1"], drawn["y"], strict=True)} <= pairs
    assert len(np.unique(drawn["y"])) > 3


def test_values_outside_the_training_images_are_warned_of():
    generator = heated()
    message = r"target y lies outside .*component 0 is 1200, they cover \[600, 1000\]"
    with pytest.warns(ExtrapolationWarning, match=message):
        generator.sample(1, y=1200.0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ExtrapolationWarning)
        generator.sample(1, y=[1000.0], random_state=0)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.nan, ValueError, r"target y must lie in \(-inf, inf\), got nan"),
        ("hot", TypeError, "target y must be numeric, got 'hot'"),
        ([700.0, 800.0], ValueError, r"\(n_samples,\) = \(3,\).*got shape \(2,\)"),
    ],
)
def test_bad_targets(value, error, message):
    with pytest.raises(error, match=message):
        heated().sample(3, y=value)


def test_masked_process_variables_are_refused():
    X = images()
    y = np.ma.masked_array(np.arange(len(X), dtype=float), np.arange(len(X)) == 1)
    with pytest.raises(ValueError, match=r"y must have no masked values, got 1\."):
        FlowMatchingGenerator(conditions=("y",), **TINY).fit(X, y)


def test_an_unknown_target_is_told_the_variables():
    generator = fitted(frame(heat=HEAT), ("heat",))
    with pytest.raises(ValueError, match=r"one of \[.*'heat', .*'p1'.*\], got 'heta'"):
        generator.sample(2, heta=700.0)


def test_variables_cause_neither_corrections_nor_warnings():
    """As many evaluations as without a target: images do not tell what they miss."""
    generator = fitted(conditions=("y",), target_tol=0.0)
    calls = []
    generator.generator_.embedding.register_forward_pre_hook(lambda *_: calls.append(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generator.sample(2, y=700.0, random_state=0)
    assert len(calls) == 2 * generator.n_steps + 1  # the restart


def test_measured_conditions_are_corrected_next_to_variables():
    generator = fitted(target_tol=0.0)
    calls = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: calls.append(inputs[2]))
    generator.sample(2, p1=0.4, y=700.0, random_state=0)
    assert len(calls) > 2 * generator.n_steps + 1
    assert all((rows[:, 1] == 700.0).all() for rows in calls)
    assert not torch.equal(calls[-1][:, 0], calls[0][:, 0])


def test_transform_gives_the_mean_and_the_measured_conditions():
    generator, X = heated(), images(seed=5)[:3]
    columns = generator.transform(X)[:, -2:]
    np.testing.assert_allclose(columns[:, 0], X.mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(columns[:, 1], HEAT.mean(), rtol=1e-6)
    assert list(generator.get_feature_names_out()[-2:]) == ["p1", "y"]
    assert generator.reconstruct(X).shape == X.shape


def test_mean_is_that_of_all_images_trained_on():
    generator = heated()
    generator.partial_fit(images(seed=1), HEAT + 300)
    assert generator.transform(images(1))[0, -1] == pytest.approx(HEAT.mean() + 150)
    assert len(generator.conditions_.rows) == 2 * N
    generator.fine_tune(images(seed=2), n_iter=1, y=HEAT + 1000)
    assert generator.transform(images(1))[0, -1] == pytest.approx(HEAT.mean() + 1000)
    np.testing.assert_allclose(generator.conditions_.rows[:, 1], HEAT + 1000, rtol=1e-6)
    with pytest.warns(ExtrapolationWarning, match=r"they cover \[1600, 2000\]"):
        generator.sample(1, y=700.0, random_state=0)


def test_windows_inherit_the_values_of_their_images(monkeypatch):
    """Image k holds the phase fraction k / 3 alone, and its variable is 10 k."""
    X = np.zeros((3, 20, 20), np.uint8)
    X[1:, ::2] = 1
    X[2, :, ::2] = 1
    y = np.array([0.0, 10.0, 20.0])
    trained_on = []

    class Watched(Windows):
        def batches(self, images, encoder, rows, *others, **settings):
            trained_on.append(rows)
            return super().batches(images, encoder, rows, *others, **settings)

    monkeypatch.setattr("skmicro.generators._flow_matching.Windows", Watched)
    settings = TINY | {"conditions": ("p1", "y"), "crop_shape": (8, 8)}
    generator = FlowMatchingGenerator(**settings).fit(X, y)
    np.testing.assert_array_equal(trained_on[0], y[:, None])
    p1, values = generator.conditions_.rows.T
    assert len(values) == 1024
    assert set(values) == {0.0, 10.0, 20.0}
    np.testing.assert_allclose(p1, np.choose((values / 10).astype(int), [0.0, 0.5, 0.75]))
    settings = {"batch_size": 32, "seed": 0, "device": "cpu", "dtype": torch.float32}
    batches = Windows((8, 8)).batches(
        X, generator.encoder_, y[:, None], generator.conditions_, **settings
    )
    batch = next(batches)
    seen = batch.images[:, 1].mean(dim=(1, 2))
    torch.testing.assert_close(batch.conditions[:, 0], seen)
    expected = np.choose((batch.conditions[:, 1].numpy() / 10).astype(int), [0.0, 0.5, 0.75])
    np.testing.assert_allclose(seen, expected)
    assert generator.partial_fit(X, y).n_iter_ == 4


def test_a_checkpoint_of_other_values_is_refused(tmp_path):
    settings = {"checkpoint": tmp_path / "state.skm"}
    expected = fitted(**settings).sample(2, random_state=0)
    np.testing.assert_array_equal(fitted(**settings).sample(2, random_state=0), expected)
    with pytest.raises(ValueError, match=r"checkpoint.*conditions was"):
        fitted(HEAT + 1.0, **settings)
    with pytest.raises(ValueError, match=r"checkpoint.*conditions was"):
        fitted(HEAT[::-1], **settings)


def layered(n=48, seed=0):
    """Layers with a fifth or four fifths of phase 1; y tells which."""
    rng = np.random.default_rng(seed)
    level = rng.integers(2, size=n)
    noise = np.cumsum(rng.standard_normal((n, 8, 8)), axis=1)
    p1 = np.where(level, 0.8, 0.2)
    X = np.stack([field > np.quantile(field, 1 - p) for field, p in zip(noise, p1, strict=True)])
    return X, np.where(level, 900.0, 700.0)


def test_variable_is_learned():
    X, y = layered()
    settings = {"n_iter": 100, "width": 8, "batch_size": 16, "learning_rate": 3e-3}
    generator = FlowMatchingGenerator(conditions=("y",), **TINY | settings).fit(X, y)
    means = [generator.sample(40, y=value, random_state=1).mean() for value in (700.0, 900.0)]
    np.testing.assert_allclose(means, [0.2, 0.8], atol=0.1)
    _, targets = generator.sample(20, random_state=1, return_targets=True)
    assert set(targets["y"].ravel()) == {700.0, 900.0}


def test_pickle_and_file_keep_the_variables(tmp_path):
    generator = fitted(frame(heat=HEAT), ("heat", "p1"))
    generator.save(tmp_path / "flow.skm")
    expected = generator.sample(3, heat=700.0, random_state=0, return_targets=True)
    for again in (skmicro.load(tmp_path / "flow.skm"), pickle.loads(pickle.dumps(generator))):
        images_again, targets = again.sample(3, heat=700.0, random_state=0, return_targets=True)
        np.testing.assert_array_equal(images_again, expected[0])
        np.testing.assert_array_equal(targets["p1"], expected[1]["p1"])
        assert again.conditions_.variables == ["heat"]
        with pytest.warns(ExtrapolationWarning):
            again.sample(1, heat=2000.0, random_state=0)


def test_larger_images_and_inpainting_take_variables(monkeypatch):
    monkeypatch.setattr(_inpainting, "N_STEPS", 3)
    generator = fitted(periodic=False)
    seen = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2][:, 1]))
    X = images(2, (12, 10))
    mask = np.zeros((12, 10), bool)
    mask[3:6] = True
    filled = generator.inpaint(X, mask, y=650.0, random_state=0)
    np.testing.assert_array_equal(filled[:, ~mask], X[:, ~mask])
    assert generator.sample(1, shape=(12, 16), y=650.0, random_state=0).shape == (1, 12, 16)
    assert len(seen) > 2 * generator.n_steps
    assert all((values == 650.0).all() for values in seen)


def with_random_weights(generator):
    rng = torch.Generator().manual_seed(0)
    for weights in generator.generator_.parameters():
        weights.add_(0.1 * torch.randn(weights.shape, generator=rng))
    return generator


def test_guidance_strengthens_variables():
    """The level is linear in the guidance, between that without conditions and beyond."""
    generator = with_random_weights(fitted(conditions=("y",), p_drop=0.3))
    noise = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    velocities = [
        generator.set_params(guidance=g)._model().answer(torch.tensor([[700.0]]))(noise, 0.5)
        for g in (0.0, 1.0, 3.0)
    ]
    assert (velocities[1] - velocities[0]).abs().max() > 1e-3
    expected = velocities[0] + 3 * (velocities[1] - velocities[0])
    torch.testing.assert_close(velocities[2], expected)


def test_unit_of_a_variable_does_not_matter():
    """The network sees whitened numbers."""
    generators = [with_random_weights(fitted(unit * HEAT)) for unit in (1.0, 1024.0)]
    one, other, changed = (
        generator.sample(4, y=value, p1=0.4, random_state=0)
        for generator, value in zip(
            (*generators, generators[0]), (650.0, 1024.0 * 650.0, 990.0), strict=True
        )
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, changed)
