"""evaluate: real images lie at the baseline, noise and copies do not."""

import json
from inspect import currentframe

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmicro._warnings import warn_user
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import PhaseFractions, SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.evaluation import _copies, evaluate
from skmicro.exceptions import ExtrapolationWarning, ImageShapeWarning, TargetWarning
from skmicro.generators import WGANGP
from skmicro.plotting import SampleGridDisplay

FAST = {"descriptors": [TwoPointCorrelation(), SpecificSurface()], "n_bootstrap": 50}


@pytest.fixture(scope="module")
def real():
    X, _ = make_cahn_hilliard(180, (16, 16), n_steps=200, random_state=0)
    return np.split(X, 3)


@pytest.fixture(scope="module")
def generator(real):
    return WGANGP.light(n_iter=3, random_state=0, device="cpu").fit(real[0])


def overlaps(row):
    return row.low <= row.baseline_high and row.baseline_low <= row.high


def test_real_images_lie_at_the_baseline(real):
    report = evaluate(real[2], real[0], real[1], random_state=0)
    names = [row.name for row in report.metrics]
    assert len(set(names)) == len(names) > 30
    assert all(row.low <= row.value <= row.high for row in report.metrics)
    assert [row.name for row in report.metrics if not overlaps(row)] == []
    assert all(0 < row.p_value <= 1 for row in report.metrics if np.isfinite(row.p_value))
    assert report.p_value > 0.05


def test_noise_lies_above_the_baseline(real):
    noise = np.random.default_rng(1).integers(0, 2, real[0].shape, dtype=np.uint8)
    report = evaluate(noise, real[0], real[1], random_state=0)
    for name in (
        "p2 relative error", "p2 Wasserstein", "lineal_path relative error",
        "specific_surface Wasserstein", "specific_surface ratio", "clusters_number ratio",
        "euler_number Wasserstein",
    ):  # fmt: skip
        row = report[name]
        assert row.low > row.baseline_high, name
        assert row.p_value < 0.05, name
    for name in ("density", "coverage", "S2 diversity", "memorisation mean"):
        assert report[name].high < report[name].baseline_low, name
    assert report["coverage"].value < 0.05


def test_rolled_copies_are_perfect_but_for_memorisation(real):
    copies = np.roll(real[0], (5, 3), (1, 2)).swapaxes(1, 2)
    report = evaluate(copies, real[0], real[1], random_state=0, n_bootstrap=50)
    for name in ("p2 relative error", "p2 Wasserstein", "S2 diversity", "euler_number mean"):
        assert report[name].p_value > 0.9, name
        assert report[name].value <= report[name].baseline_high, name
    for name in ("memorisation mean", "memorisation p95"):
        row = report[name]
        assert row.value == pytest.approx(1, abs=1e-5)
        assert row.low > row.baseline_high
    assert report["memorisation mean"].p_value <= 0.01
    assert report["memorised share"].value > 0.4  # of so small images real ones are like others


def test_collapse_shows_in_the_diversities(real):
    one = real[2][:1].repeat(60, axis=0)
    report = evaluate(one, real[0], real[1], random_state=0, **FAST)
    assert report["S2 diversity"].value == report["pixel diversity"].value == 0
    assert report["coverage"].high < report["coverage"].baseline_low


def test_metrics_are_those_of_the_definitions(real):
    report = evaluate(real[2], real[0], real[1], random_state=0, **FAST)
    surface = SpecificSurface().fit(real[0])
    a, b = (surface.transform(images).mean() for images in (real[2], real[1]))
    assert report["specific_surface mean"].value == pytest.approx(a)
    assert report["specific_surface ratio"].value == pytest.approx(a / b)
    curve = TwoPointCorrelation().fit(real[0])
    a, b = (curve.transform(images).mean(axis=0) for images in (real[2], real[1]))
    row = report["p2 relative error"]
    assert row.value == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(b), rel=1e-5)


def test_generator_is_judged_on_samples_of_its_own_stream(real, generator):
    report = evaluate(generator, real[0], real[1], random_state=0, **FAST)
    assert report["p2 relative error"].low > report["p2 relative error"].baseline_high
    assert (report.n_samples, report.n_reference) == (60, 60)
    surface = SpecificSurface().fit(real[0])
    replayed = surface.transform(generator.sample(60, random_state=0)).mean()
    assert report["specific_surface mean"].value != pytest.approx(replayed, rel=1e-6)


def test_results_are_reproducible_and_touch_no_global_state(real, generator):
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    parameters = dict(vars(generator))
    first, again, other = (
        evaluate(generator, real[0], real[1], random_state=seed, **FAST).to_dict()
        for seed in (3, 3, 4)
    )
    assert first == again != other
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])
    assert vars(generator) == parameters


@pytest.mark.slow
def test_descriptors_follow_the_borders_of_the_generator(real, generator):
    settings = {"random_state": 0, "n_bootstrap": 2, "n_samples": 10}
    assert generator.periodic is False
    report = evaluate(generator, real[0], real[1], **settings)
    given = evaluate(real[2], real[0], real[1], **settings)
    wraps, ends = (
        evaluate(real[2], real[0], real[1], periodic=periodic, **settings)
        for periodic in (True, False)
    )
    name = "specific_surface mean"
    assert given[name].baseline == wraps[name].baseline != ends[name].baseline
    assert report[name].baseline == ends[name].baseline
    assert report.n_samples == 10


def test_targets_reach_the_generator(real):
    class Recorder:
        def sample(self, n_samples, random_state=None, **targets):
            self.targets = targets
            return real[2][:n_samples]

    recorder = Recorder()
    evaluate(recorder, real[0], real[1], targets={"p1": 0.4}, random_state=0, **FAST)
    assert recorder.targets == {"p1": 0.4}


def test_properties_are_measured_too(real):
    contrast = FunctionTransformer(lambda X: X.reshape(len(X), -1).std(axis=1), validate=False)
    report = evaluate(real[2], real[0], real[1], properties=[contrast], random_state=0, **FAST)
    wanted = real[2].reshape(60, -1).std(axis=1).mean()
    assert report["FunctionTransformer mean"].value == pytest.approx(wanted)
    assert not hasattr(FAST["descriptors"][0], "image_shape_")


def test_equal_names_are_numbered(real):
    descriptors = [VolumeFraction(phase=0), VolumeFraction(phase=1)]
    report = evaluate(
        real[2], real[0], real[1], descriptors=descriptors, random_state=0, n_bootstrap=2
    )
    assert report["p1 mean"].value + report["p1 (2) mean"].value == pytest.approx(1)


def test_nothing_is_divided_by_a_mean_that_may_be_zero(real):
    signs = FunctionTransformer(
        lambda X: np.where(X[:, 0, 0] == X[:, 5, 5], 1.0, -1.0), validate=False
    )
    report = evaluate(real[2], real[0], real[1], descriptors=[signs], random_state=0, n_bootstrap=2)
    names = {row.name.removeprefix("FunctionTransformer ") for row in report.metrics}
    assert {"mean", "Wasserstein"} <= names
    assert "ratio" not in names


@pytest.mark.parametrize("kind", ["flat", "volumes", "grey", "three phases", "tensor"])
def test_all_kinds_of_images(kind):
    rng = np.random.default_rng(0)
    shape = (24, 6, 6, 6) if kind == "volumes" else (24, 8, 8)
    X = rng.random(shape) if kind == "grey" else rng.integers(1, 4, shape)
    images, settings = X, {"descriptors": [PhaseFractions()], "n_bootstrap": 5, "random_state": 0}
    generated = X[12:]
    if kind == "tensor":
        images = torch.tensor(X)
    if kind == "flat":
        generator = WGANGP.light(n_iter=1, random_state=0, image_shape=(8, 8), device="cpu")
        images = X.reshape(24, -1)
        generated = generator.fit(images[:12])
    report = evaluate(generated, images[:12], images[12:], **settings)
    assert report["coverage"].baseline > 0
    if kind != "flat":
        assert report["coverage"].value == 1


def test_work_of_the_search_for_copies_is_bounded(real, monkeypatch):
    monkeypatch.setattr(_copies, "MAX_COMPARISONS", 1)
    monkeypatch.setattr(_copies, "MIN_COMPARED", 3)
    monkeypatch.setattr(_copies, "MAX_PRODUCTS", 1)
    monkeypatch.setattr(_copies, "MIN_LOCALLY_COMPARED", 4)
    lengths = []

    def counted(images, training):
        lengths.append(len(images))
        return np.zeros(len(images))

    monkeypatch.setattr(_copies, "memorisation", counted)
    monkeypatch.setattr(_copies, "local_memorisation", counted)
    evaluate(real[2], real[0], real[1], random_state=0, **FAST)
    assert lengths == [3, 3, 4, 4]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"X_test": np.zeros((20, 8, 8))}, ValueError, r"X_test must hold images of shape \(16"),
        ({"X_test": np.full((20, 16, 16), 7)}, ValueError, r"^X_test .*1\] of X_train.*\[7\]"),
        ({"X_test": np.zeros((5, 16, 16))}, ValueError, "X_test must hold at least 6.*got 5"),
        ({"X_train": np.zeros((5, 16, 16))}, ValueError, "X_train must hold at least 6"),
        ({"X_train": np.zeros(5)}, ValueError, r"X_train must have shape \(n, \*spatial\)"),
        ({"X_train": np.full((9, 16, 16), np.nan)}, ValueError, "does not support unknown voxels"),
        ({"X_train": np.full((9, 16, 16), "a")}, TypeError, "X_train must hold numbers"),
        ({"generator": np.zeros((9, 16, 15))}, ValueError, "generator must hold images of shape"),
        ({"generator": np.full((9, 16, 16), 2)}, ValueError, r"^generated.*1\] of X_train.*\[2\]"),
        ({"generator": WGANGP()}, NotFittedError, "not fitted"),
        ({"generator": WGANGP}, TypeError, "generator must be a fitted generator, with a method"),
        ({"generator": SpecificSurface()}, TypeError, "generator must be a fitted generator"),
        ({"generator": None}, TypeError, "generator must be a fitted generator.*got None"),
        ({"n_samples": 5}, ValueError, "n_samples must be >= 6, got 5"),
        ({"n_samples": 61}, ValueError, "n_samples must be <= 60.*got 61"),
        ({"n_samples": 7.5}, TypeError, "n_samples must be an integer"),
        ({"n_bootstrap": 1}, ValueError, "n_bootstrap must be >= 2"),
        ({"targets": {"p1": 0.4}}, ValueError, "targets must be None for images at hand"),
        ({"descriptors": TwoPointCorrelation()}, TypeError, "descriptors must be a list"),
        ({"descriptors": []}, ValueError, "descriptors must hold at least one"),
        ({"descriptors": ["p1"]}, TypeError, "must hold transformers, got 'p1'"),
        ({"properties": ["p1"]}, TypeError, "^properties must hold transformers, got 'p1'"),
        (
            {"properties": [FunctionTransformer(lambda X: X[:3].mean((1, 2)))]},
            ValueError,
            r"^properties: FunctionTransformer must give one row for each of 60 images, got an "
            r"array of shape \(3,\)",
        ),
        (
            {"descriptors": [FunctionTransformer(lambda X: X.mean())]},
            ValueError,
            r"^descriptors: FunctionTransformer must give one row .*shape \(\)",
        ),
        (
            {"properties": [FunctionTransformer(lambda X: X[:, 0, :0])]},
            ValueError,
            r"^properties: FunctionTransformer must give one row .*shape \(60, 0\)",
        ),
        ({"targets": [0.4]}, TypeError, r"targets must be a dictionary.*\[0\.4\]"),
        ({"random_state": -1}, ValueError, "random_state must be >= 0"),
        (
            {"descriptors": [FunctionTransformer(lambda X: X[:, 0, :1] / 0.0, validate=False)]},
            ValueError,
            "FunctionTransformer must give finite features",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
def test_bad_input(real, change, error, message):
    arguments = {"generator": real[2], "X_train": real[0], "X_test": real[1]} | FAST
    with pytest.raises(error, match=message):
        evaluate(**arguments | change)


def test_the_real_images_of_other_phases_are_named(real, generator):
    message = r" must hold only the phases \[0, 1\] seen in fit, got \[3\]"
    with pytest.raises(ValueError, match=f"^X_train{message}"):
        evaluate(generator, 3 * real[0], 3 * real[1], **FAST)
    with pytest.raises(ValueError, match=f"^X_test{message}"):
        evaluate(generator, real[0], 3 * real[1], **FAST)


@pytest.fixture
def warning_module():
    """A function that warns from three calls deep inside the library."""
    scope = {"__name__": "skmicro.somewhere.inside", "warn_user": warn_user}
    exec(
        "def deepest(): warn_user('missed', UserWarning)\n"
        "def deep(): deepest()\n"
        "def sample(n_samples, random_state=None): deep(); return images[:n_samples]",
        scope,
    )
    return scope


def test_warnings_point_at_the_line_that_called_the_library(real, warning_module):
    class Sampler:
        sample = staticmethod(warning_module["sample"])

    warning_module["images"] = real[2]
    line = currentframe().f_lineno + 2
    with pytest.warns(UserWarning, match="missed") as caught:
        evaluate(Sampler(), real[0], real[1], random_state=0, **FAST)
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, line)]


def test_warnings_inside_scikit_learn_point_at_the_user_too():
    flat = np.eye(4, dtype=int)
    line = currentframe().f_lineno + 2
    with pytest.warns(ImageShapeWarning) as caught:
        make_pipeline(VolumeFraction()).fit_transform(flat)
    assert {(warning.filename, warning.lineno) for warning in caught} == {(__file__, line)}


@pytest.mark.usefixtures("short_searches")
def test_warnings_of_generators_point_at_the_user(real, generator):
    calls = [
        lambda: evaluate(generator, real[0], real[1], targets={"p1": 0.99}, random_state=0, **FAST),
        lambda: SampleGridDisplay.from_estimator(generator, targets={"p1": [0.99]}),
    ]
    for call in calls:
        with pytest.warns((TargetWarning, ExtrapolationWarning)) as caught:
            call()
        assert {w.category for w in caught} == {TargetWarning, ExtrapolationWarning}
        assert {w.filename for w in caught} == {__file__}


def test_descriptors_count_alike_in_density(real):
    def shares(X):
        return X.reshape(len(X), -1).mean(axis=1, keepdims=True)

    wanted = [
        FunctionTransformer(shares, validate=False),
        FunctionTransformer(lambda X: shares(X).repeat(20, axis=1), validate=False),
    ]
    reports = [
        evaluate(real[2], real[0], real[1], descriptors=[SpecificSurface(), share], random_state=0)
        for share in wanted
    ]
    for name in ("density", "coverage"):
        assert reports[0][name].value == pytest.approx(reports[1][name].value)


def test_a_model_chosen_by_its_score_is_reported_on_other_latents(real, generator, monkeypatch):
    drawn = []
    sample = type(generator).sample

    def recorded(self, n_samples, **options):
        images = sample(self, n_samples, **options)
        drawn.append(images)
        return images

    monkeypatch.setattr(type(generator), "sample", recorded)
    generator.score(real[1])
    evaluate(generator, real[0], real[1], random_state=0, **FAST)
    scored, reported = drawn
    assert not any(np.array_equal(a, b) for a in scored for b in reported)
