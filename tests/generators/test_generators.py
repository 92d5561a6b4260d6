"""Targets in, images that have them out: conditions, searches, exact fractions."""

import copy
import re
import warnings

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from textures import blobs

from skmicro.conditioning import _search
from skmicro.descriptors import (
    BaseDescriptor,
    ClusterStatistics,
    EulerNumber,
    LinealPath,
    PhaseFractions,
    SpecificSurface,
    TwoPointCorrelation,
    VolumeFraction,
)
from skmicro.exceptions import ExtrapolationWarning, TargetWarning
from skmicro.generators import WGANGP, InvNetGenerator
from skmicro.generators._score import distribution_distance, repetition
from skmicro.images import encoder_for

SMALL = {
    "architecture": "light",
    "n_latent": 3,
    "width": 4,
    "n_iter": 2,
    "batch_size": 8,
    "n_critic": 1,
    "random_state": 0,
    "device": "cpu",
}


def invnet(*invariances, **options):
    return InvNetGenerator(
        invariances=invariances or ("p1",), **(SMALL | {"n_projection": 1} | options)
    )


def wgan(**options):
    return WGANGP(**(SMALL | options))


def fractions(images, phases):
    flat = images.reshape(len(images), -1)
    return np.stack([(flat == phase).mean(axis=1) for phase in phases], axis=1)


@pytest.fixture(scope="module")
def trained():
    """A WGAN-GP whose images have different phase fractions."""
    return wgan(n_iter=60, learning_rate=5e-3).fit(blobs(low=0.05, high=0.95))


@pytest.fixture(scope="module")
def conditional():
    return invnet(n_iter=40, learning_rate=5e-3, n_projection=2).fit(blobs(200))


class Stripes(BaseDescriptor):
    """How different the halves of an image are, for the tests of user-defined descriptors."""

    name = "stripes"

    def __init__(self, factor=1.0, image_shape=None):
        self.factor = factor
        self.image_shape = image_shape

    def _describe(self, images):
        field = self._phase_field(images, None)
        half = field.shape[1] // 2
        upper, lower = field[:, :half].flatten(1), field[:, half:].flatten(1)
        return self.factor * (upper.mean(dim=1) - lower.mean(dim=1)).unsqueeze(1)

    def _feature_names(self):
        return ["stripes"]


@pytest.mark.usefixtures("short_searches")
def test_conditions_are_the_descriptors_of_the_training_images():
    X = blobs()
    generator = invnet("p1", TwoPointCorrelation(max_lag=3), "phase_fractions").fit(X)
    expected = [
        VolumeFraction().fit_transform(X),
        TwoPointCorrelation(max_lag=3, periodic=False).fit_transform(X),
        PhaseFractions().fit_transform(X),
    ]
    np.testing.assert_array_equal(generator.conditions_.rows, np.hstack(expected))
    assert generator.conditions_.names == ["p1", "p2", "phase_fractions"]
    latents = generator.transform(X[:3])
    np.testing.assert_array_equal(latents[:, -7:], np.hstack(expected)[:3])
    names = list(generator.get_feature_names_out())
    assert names[-7:] == ["p1", "p2_r0", "p2_r1", "p2_r2", "p2_r3", "phase_fractions_0",
                          "phase_fractions_1"]  # fmt: skip


def test_the_network_receives_what_was_asked_for():
    generator = invnet("p1", "phase_fractions").fit(blobs())
    seen = []
    handle = generator.generator_.register_forward_pre_hook(lambda m, args: seen.append(args[1]))
    generator.sample(3, p1=[0.3, 0.4, 0.5], phase_fractions=[0.6, 0.4], random_state=0)
    handle.remove()
    received = seen[0][:3].numpy()
    np.testing.assert_allclose(received, [[0.3, 0.6, 0.4], [0.4, 0.6, 0.4], [0.5, 0.6, 0.4]])


@pytest.mark.representatives("0.4")
@pytest.mark.parametrize("value", [0.4, [0.3, 0.4, 0.5, 0.6], [[0.3], [0.4], [0.5], [0.6]]])
def test_returned_targets_are_those_asked_for(conditional, value):
    images, targets = conditional.sample(4, p1=value, return_targets=True, random_state=0)
    assert images.shape == (4, 12, 12)
    assert list(targets) == ["p1"]
    expected = np.broadcast_to(np.reshape(value, (-1, 1)), (4, 1))
    np.testing.assert_array_equal(targets["p1"], expected)


def test_open_conditions_come_from_training_images_near_the_given_ones():
    X = blobs(200)
    curve = TwoPointCorrelation(max_lag=3, periodic=False)
    generator = invnet("p1", curve).fit(X)
    rows = curve.fit_transform(X)
    p1 = VolumeFraction().fit_transform(X)[:, 0]
    _, targets = generator.sample(50, p1=0.41, return_targets=True, random_state=0)
    near = rows[np.argsort(np.abs(p1 - 0.41), kind="stable")[:4]]
    drawn = {tuple(row) for row in targets["p2"]}
    assert drawn <= {tuple(row) for row in near}
    assert len(drawn) > 1


def test_open_conditions_follow_the_training_images_where_nothing_is_given():
    X = blobs(40)
    generator = invnet("p1", "p2").fit(X)
    _, targets = generator.sample(2000, return_targets=True, random_state=0)
    drawn = np.hstack([targets["p1"], targets["p2"]])
    rows, counts = np.unique(drawn, axis=0, return_counts=True)
    np.testing.assert_array_equal(rows, np.unique(generator.conditions_.rows, axis=0))
    assert counts.sum() == 2000
    assert counts.min() > 20


def test_a_trained_conditional_generator_follows_its_target(conditional):
    low, high = (conditional.sample(100, p1=p1, random_state=0).mean() for p1 in (0.3, 0.7))
    assert high - low > 0.15


@pytest.mark.parametrize("shape", [(12, 12), (5, 7), (6, 5, 4)])
@pytest.mark.parametrize("n_phases", [2, 3])
@pytest.mark.parametrize("make", [invnet, wgan])
def test_exact_p1_is_met_to_half_a_voxel(make, shape, n_phases):
    options = {"target_tol": 1.0} if make is wgan else {}
    generator = make(**options).fit(blobs(8, shape, n_phases))
    asked = np.array([0.26, 0.4, 0.5, 0.6001, 0.74])
    images = generator.sample(5, p1=asked, exact=True, random_state=0)
    achieved = fractions(images, [n_phases - 1])[:, 0]
    assert np.abs(achieved - asked).max() <= 0.5 / np.prod(shape) + 1e-12


@pytest.mark.parametrize("p1", [0.0, 1.0])
def test_exact_p1_of_nothing_and_of_everything(p1):
    generator = invnet().fit(blobs(n_phases=3))
    with pytest.warns(ExtrapolationWarning):
        images = generator.sample(3, p1=p1, exact=True, random_state=0)
    np.testing.assert_array_equal(images == 2, bool(p1))


def test_exact_p1_of_a_chosen_phase():
    generator = invnet(VolumeFraction(phase=1)).fit(blobs(n_phases=3))
    p1 = float(VolumeFraction(phase=1).fit_transform(blobs(n_phases=3)).mean())
    images = generator.sample(3, p1=p1, exact=True, random_state=0)
    np.testing.assert_allclose(fractions(images, [1]), p1, atol=0.5 / 144)


@pytest.mark.parametrize("shape", [(12, 12), (6, 5, 4)])
@pytest.mark.parametrize("n_phases", [2, 3])
def test_exact_phase_fractions_are_met_to_one_voxel(shape, n_phases):
    X = blobs(8, shape, n_phases)
    generator = invnet("phase_fractions").fit(X)
    asked = generator.conditions_.rows.mean(axis=0).astype(float)
    asked /= asked.sum()
    images = generator.sample(5, phase_fractions=asked, exact=True, random_state=0)
    achieved = fractions(images, range(n_phases))
    assert np.abs(achieved - asked).max() < 1.0 / np.prod(shape) + 1e-9


def test_exact_moves_only_the_threshold(conditional):
    uncorrected = copy.deepcopy(conditional).set_params(target_tol=np.inf)
    soft = uncorrected.sample(20, p1=0.5, random_state=0)
    exact = uncorrected.sample(20, p1=0.5, exact=True, random_state=0)
    change = exact.astype(int) - soft
    moved = np.abs(soft.mean(axis=(1, 2)) - exact.mean(axis=(1, 2)))
    assert (change.min(axis=(1, 2)) * change.max(axis=(1, 2)) == 0).all()
    np.testing.assert_allclose(np.abs(change).mean(axis=(1, 2)), moved)


def test_exact_is_refused_for_grey_images():
    X = blobs().astype(np.float32) + 0.5 * np.random.default_rng(0).random((24, 12, 12))
    generator = invnet().fit(X)
    with pytest.raises(ValueError, match="exact=True needs one target that is a phase"):
        generator.sample(2, p1=0.8, exact=True)


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.LabelWarning")
def test_images_of_one_phase_have_one_fraction():
    generator = invnet().fit(np.full((6, 8, 8), 5))
    np.testing.assert_array_equal(generator.sample(2, p1=1.0, exact=True), 5)
    with pytest.raises(ValueError, match=r"p1 must be 1 for images of one phase, got 0\.5"):
        generator.sample(2, p1=0.5, exact=True)


def reachable(generator, n=5):
    """Values of p1 that the generator's own images have."""
    own = generator.sample(64, random_state=99).mean(axis=(1, 2))
    assert own.std() > 0.02
    return np.quantile(own, np.linspace(0.2, 0.8, n), method="nearest")


def test_latent_search_meets_a_target_it_can_reach(trained):
    asked = reachable(trained)
    images = trained.sample(len(asked), p1=asked, random_state=0)
    plain = trained.sample(len(asked), random_state=0)
    assert np.abs(images.mean(axis=(1, 2)) - asked).max() <= trained.target_tol
    assert np.abs(plain.mean(axis=(1, 2)) - asked).max() > trained.target_tol


def test_searched_samples_do_not_depend_on_how_many_follow(trained):
    p1 = reachable(trained, 1)[0]
    many = trained.sample(20, p1=p1, random_state=3)
    for n in (1, 5, 17):
        np.testing.assert_array_equal(trained.sample(n, p1=p1, random_state=3), many[:n])


def test_an_unreachable_target_is_reported_with_the_error_achieved(trained, monkeypatch):
    monkeypatch.setattr(_search, "SEARCH_STEPS", 10)
    curve = np.array([0.5, 0.8, 0.1, 0.8, 0.1, 0.8, 0.1])
    calls = []
    handle = trained.generator_.register_forward_hook(lambda *args: calls.append(1))
    with pytest.warns(TargetWarning, match="3 of 3 samples miss their target") as record:
        images = trained.sample(3, p2=curve, random_state=0)
    handle.remove()
    assert len(calls) <= 3 * (8 + 11) + 1
    message = str(record[0].message)
    assert "target p2" in message
    assert "target_tol=0.01" in message
    mean, worst = (float(x) for x in re.findall(r"([0-9.]+) (?:on average|at worst)", message))
    correlation = TwoPointCorrelation(periodic=False).fit(blobs(low=0.05, high=0.95))
    achieved = correlation.transform(images)
    errors = np.sqrt(np.square(achieved - curve).mean(axis=1))
    assert mean == pytest.approx(errors.mean(), rel=0.01)
    assert worst == pytest.approx(errors.max(), rel=0.01)
    assert mean > 0.1


def test_only_the_samples_that_miss_are_counted(trained, monkeypatch):
    monkeypatch.setattr(_search, "SEARCH_STEPS", 10)
    own = trained.sample(20, random_state=5)
    curve = np.median(TwoPointCorrelation(periodic=False).fit_transform(own), axis=0)
    trained.set_params(target_tol=0.05)
    try:
        with pytest.warns(TargetWarning, match=r"1 of 2 samples miss .* target_tol=0\.05"):
            trained.sample(2, p2=[curve, [0.5, 0.8, 0.1, 0.8, 0.1, 0.8, 0.1]], random_state=0)
    finally:
        trained.set_params(target_tol=0.01)


def test_two_searched_targets_at_once(trained):
    trained_on = blobs(low=0.05, high=0.95)
    wanted = trained.sample(3, random_state=42)
    specific_surface = SpecificSurface(periodic=False).fit(trained_on)
    surface = specific_surface.transform(wanted)
    p1 = wanted.mean(axis=(1, 2))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        images = trained.sample(3, p1=p1, specific_surface=surface, random_state=0)
    achieved = np.hstack([images.mean(axis=(1, 2))[:, None], specific_surface.transform(images)])
    errors = np.sqrt(np.square(achieved - np.hstack([p1[:, None], surface])).sum(axis=1))
    missed = [w for w in caught if issubclass(w.category, TargetWarning)]
    assert bool(missed) == (errors > 0.01 + 1e-6).any()
    plain = trained.sample(3, random_state=0)
    assert errors.mean() < 0.5 * np.abs(plain.mean(axis=(1, 2)) - p1).mean() + 0.01


@pytest.mark.parametrize("make", [invnet, wgan])
def test_extrapolation_is_warned_of_outside_the_training_images_only(make):
    X = blobs(30, low=0.3, high=0.6)
    generator = make(target_tol=1.0).fit(X)
    p1 = X.mean(axis=(1, 2))
    inside = np.linspace(p1.min(), p1.max(), 5)
    generator.sample(5, p1=inside, random_state=0)
    for outside in (p1.min() - 0.02, p1.max() + 0.02):
        asked = inside.copy()
        asked[2] = outside
        with pytest.warns(
            ExtrapolationWarning, match=rf"target p1 lies outside.*is {outside:.4g}, they cover"
        ):
            generator.sample(5, p1=asked, random_state=0)


def test_partial_fit_widens_what_counts_as_inside():
    generator = invnet().fit(blobs(10, low=0.3, high=0.4))
    with pytest.warns(ExtrapolationWarning):
        generator.sample(1, p1=0.6)
    generator.partial_fit(blobs(10, low=0.5, high=0.7))
    generator.sample(1, p1=0.6)


def test_several_invariances_as_objects():
    X = blobs(n_phases=3)
    generator = invnet(
        VolumeFraction(phase=0), TwoPointCorrelation(phase=1, max_lag=4), "phase_fractions"
    ).fit(X)
    assert generator.conditions_.n_columns == 1 + 5 + 3
    np.testing.assert_allclose(
        generator.conditions_.rows[:, 0], (X == 0).mean(axis=(1, 2)), rtol=1e-6
    )
    np.testing.assert_allclose(
        generator.conditions_.rows[:, 1], (X == 1).mean(axis=(1, 2)), rtol=1e-6
    )
    assert generator.sample(2, random_state=0).shape == (2, 12, 12)


def test_the_users_descriptor_objects_stay_unfitted():
    curve = TwoPointCorrelation(max_lag=2)
    before = dict(vars(curve))
    invnet(curve).fit(blobs())
    assert vars(curve) == before


@pytest.mark.parametrize("rows", ["one", "one for each"])
def test_the_curve_of_a_real_image_as_target(rows):
    X = blobs()
    curves = TwoPointCorrelation(periodic=False).fit(X).transform(X[:3])
    target = curves[0] if rows == "one" else curves
    generator = invnet("p1", "p2").fit(X)
    images, targets = generator.sample(3, p2=target, return_targets=True, random_state=0)
    np.testing.assert_array_equal(targets["p2"], np.broadcast_to(target, curves.shape))
    assert images.shape == (3, 12, 12)


@pytest.mark.slow
def test_the_curve_of_a_real_image_is_searched_where_it_is_no_condition(monkeypatch):
    monkeypatch.setattr(_search, "SEARCH_STEPS", 20)
    monkeypatch.setattr(_search, "SEARCH_ROUNDS", 2)
    X = blobs()
    curve = TwoPointCorrelation(periodic=False).fit(X).transform(X[5:6])[0]
    generator = invnet(n_iter=30, learning_rate=5e-3).fit(X)

    def error(**targets):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TargetWarning)
            images = generator.sample(8, p1=curve[0], random_state=0, **targets)
        found = TwoPointCorrelation(periodic=False).fit(X).transform(images)
        return np.sqrt(np.square(found - curve).mean(axis=1)).mean()

    assert error(p2=curve) < 0.8 * error()


@pytest.mark.parametrize(
    ("invariances", "error", "message"),
    [
        ((), ValueError, "invariances must name at least one descriptor"),
        ("p1", TypeError, "invariances must be a list, tuple or array of one axis, got 'p1'"),
        (("p9",), ValueError, "must be one of .*'p2'.*got 'p9'"),
        ((3,), TypeError, "invariances must hold names or descriptors, got 3"),
        ((VolumeFraction,), TypeError, "invariances must hold names or descriptors"),
        (("p1", VolumeFraction()), ValueError, r"different names, got \['p1', 'p1'\]"),
        (
            (VolumeFraction(phase=7),),
            ValueError,
            r"phase must be one of the labels \[0, 1\], got 7",
        ),
        ((TwoPointCorrelation(max_lag=99),), ValueError, "max_lag"),
    ],
)
def test_bad_invariances(invariances, error, message):
    generator = InvNetGenerator(invariances=invariances, **SMALL)
    with pytest.raises(error, match=message):
        generator.fit(blobs())
    assert not hasattr(generator, "generator_")


def test_without_projection_steps_the_loss_joins_the_generators_own():
    generator = invnet(n_projection=0, n_iter=3, projection_weight=2.0).fit(blobs())
    assert set(generator.history_) == {"critic", "penalty", "generator", "projection0"}
    assert generator.history_["projection0"].shape == (3,)
    assert (generator.history_["projection0"] > 0).all()
    other = invnet(n_projection=0, n_iter=3, projection_weight=0.0).fit(blobs())
    np.testing.assert_array_equal(other.history_["projection0"], 0.0)
    assert not torch.equal(
        next(generator.generator_.parameters()), next(other.generator_.parameters())
    )


@pytest.mark.slow
def test_grid_search_over_the_number_of_iterations():
    search = GridSearchCV(wgan(learning_rate=5e-3), {"n_iter": [1, 8]}, cv=2).fit(blobs(16))
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert (scores < 0).all()
    assert search.best_estimator_.n_iter_ == search.best_params_["n_iter"]
    assert search.best_score_ == scores.max()


def inhomogeneity(x, y):
    """Szekely and Rizzo 2013, pair by pair, in units of the columns' deviations."""
    x, y = (rows.astype(float) / np.sqrt((x.var(0) + y.var(0)) / 2) for rows in (x, y))
    between = np.linalg.norm(x[:, None] - y, axis=2).mean()
    within = [
        np.linalg.norm(z[:, None] - z, axis=2).sum() / (len(z) * (len(z) - 1)) for z in (x, y)
    ]
    return (2 * between - sum(within)) / (2 * between)


def waves(images, phases=(1,)):
    fields = [images == phase for phase in phases]
    return np.concatenate(
        [
            np.abs(np.fft.rfft2(f - f.mean((1, 2), keepdims=True))).reshape(len(f), -1)
            for f in fields
        ],
        axis=1,
    )


def repeated(samples, images, phases=(1,)):
    own, others = waves(samples, phases), waves(images, phases)
    # Amplitudes of an image and of the image turned by 180 degrees are the same.
    moved = [
        waves(np.flip(s, axes), phases)
        for s in (samples, samples.swapaxes(1, 2))
        for axes in ((), (1,))
    ]

    def distances(rows):
        return np.min([np.linalg.norm(rows[:, None] - m, axis=2) for m in moved], axis=0)

    among = distances(own) + np.diag(np.full(len(own), np.inf))
    return max(0.0, 1 - among.min(1).mean() / distances(others).min(1).mean())


@pytest.mark.representatives("3")
@pytest.mark.parametrize("n_phases", [2, 3])
def test_score_compares_distributions_of_descriptors_of_all_phases_but_the_first(n_phases):
    X = blobs(20, n_phases=n_phases)
    generator = wgan().fit(X)
    samples, phases = generator.sample(256, random_state=0), range(1, n_phases)
    kinds = (TwoPointCorrelation, SpecificSurface, LinealPath, EulerNumber, ClusterStatistics)
    described = [kind(phase=k, periodic=False).fit(X) for k in phases for kind in kinds]
    tables = [(d.transform(samples), d.transform(X)) for d in [PhaseFractions().fit(X), *described]]
    expected = np.mean([inhomogeneity(*both) for both in tables]) + repeated(samples, X, phases)
    assert generator.score(X) == pytest.approx(-expected, abs=1e-4)


def test_score_tells_copies_and_repetition_from_new_images():
    rng = np.random.default_rng(0)
    X = rng.permutation(blobs(80, (16, 16)))
    encoder = encoder_for(X)

    def score(samples):
        return -distribution_distance(samples, X[:32], encoder, False)

    copies = np.stack([np.rot90(X[32 + k % 8], k // 8) for k in range(48)])
    rolled = np.stack([np.roll(image, rng.integers(0, 16, 2), (0, 1)) for image in copies])
    assert abs(score(X[32:])) < 0.05
    assert score(copies) < -0.9
    assert repetition(rolled, X[:32], encoder) == pytest.approx(1.0, abs=0.01)
    assert score(np.repeat(X[32:33], 48, axis=0)) < -1.2
    assert repetition(X[32:], X[:32], encoder) < 0.05


def test_score_of_a_single_image_does_not_ask_for_its_spread():
    X = np.random.default_rng(0).permutation(blobs(60, (16, 16)))
    distance = [
        distribution_distance(X[20:], X[k : k + 1], encoder_for(X), False) for k in range(20)
    ]
    assert 0 <= min(distance) <= np.mean(distance) < 0.5


def test_a_descriptor_of_ones_own_as_invariance_and_as_target():
    X = blobs(100)
    values = Stripes(factor=2.0).fit_transform(X)
    generator = invnet(Stripes(factor=2.0)).fit(X)
    np.testing.assert_array_equal(generator.conditions_.rows, values)
    _, targets = generator.sample(
        2, stripes=float(np.median(values)), return_targets=True, random_state=0
    )
    np.testing.assert_allclose(targets["stripes"], np.median(values))
    with pytest.warns(ExtrapolationWarning, match="stripes"):
        generator.sample(2, stripes=5.0)


def test_a_descriptor_of_ones_own_is_searched_by_name(trained):
    own = trained.sample(40, random_state=5)
    wanted = np.quantile(Stripes().fit_transform(own)[:, 0], 0.3, method="nearest")
    images = trained.sample(4, stripes=wanted, random_state=0)
    found = Stripes().fit(own).transform(images)
    np.testing.assert_allclose(found, wanted, atol=trained.target_tol + 1e-6)


def test_targets_of_new_samples_may_be_data_frames(conditional):
    pandas = pytest.importorskip("pandas", reason="pandas is optional")
    frame = pandas.DataFrame({"p1": [0.4, 0.5, 0.6]})
    images = conditional.sample(3, random_state=0, **frame)
    np.testing.assert_array_equal(images, conditional.sample(3, p1=[0.4, 0.5, 0.6], random_state=0))


def test_reconstruction_of_the_generators_own_images(trained):
    images = trained.sample(6, random_state=7)
    error = np.mean(trained.reconstruct(images) != images)
    others = np.mean(trained.sample(6, random_state=8) != images)
    assert error < 0.3 * others


@pytest.mark.usefixtures("short_searches")
def test_interpolation_runs_along_the_straight_line(conditional):
    Z = conditional.transform(blobs(2, seed=4))
    line = conditional.interpolate(Z[0], Z[1], n_steps=3)
    middle = conditional.inverse_transform(Z.mean(axis=0, keepdims=True))
    np.testing.assert_array_equal(line[1:2], middle)
