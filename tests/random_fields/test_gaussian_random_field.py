"""Level-cut Gaussian fields: the orthant formula, its inverse, and images that have both."""

import pickle
from functools import reduce
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.exceptions import TargetWarning
from skmicro.generators import GaussianRandomField
from skmicro.random_fields import exact_offsets
from skmicro.random_fields._level_cut import (
    field_spectrum,
    iterated_levels,
    nearest_spectrum,
    phase_levels,
    phase_table,
    sampled_table,
    simplex_axes,
    two_phase_table,
)

pytestmark = pytest.mark.filterwarnings("ignore::skmicro.exceptions.ExtrapolationWarning")


def gaussian_fields(n, shape, lengths, seed=0):
    """Periodic fields of variance 1 with the correlation exp(-(r / length)^2 / 2) per axis."""
    rng = np.random.default_rng(seed)
    axes = [
        np.exp(-0.5 * (2 * np.pi * np.fft.fftfreq(side) * length) ** 2)
        for side, length in zip(shape, lengths, strict=True)
    ]
    power = reduce(np.multiply.outer, axes)
    power.flat[0] = 0.0
    noise = np.fft.fftn(rng.standard_normal((n, *shape)), axes=range(1, len(shape) + 1))
    fields = np.fft.ifftn(noise * np.sqrt(power), axes=range(1, len(shape) + 1)).real
    return fields / np.sqrt(power.mean())


def cut(fields, fraction):
    """Images whose phase 1 fills the same share of each."""
    level = np.quantile(fields.reshape(len(fields), -1), 1 - fraction, axis=1)
    return (fields > level.reshape(-1, *[1] * (fields.ndim - 1))).astype(np.uint8)


def mean_curve(images, **options):
    return TwoPointCorrelation(**options).fit(images).transform(images).mean(axis=0)


def relative_error(curve, reference):
    return np.linalg.norm(curve - reference) / np.linalg.norm(reference)


@pytest.fixture(scope="module")
def cut_fields():
    return cut(gaussian_fields(500, (32, 32), (2.5, 2.5)), 0.4)


@pytest.fixture(scope="module")
def fitted(cut_fields):
    return GaussianRandomField().fit(cut_fields)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.5, 0.8])
def test_orthant_probability(fraction):
    rho, c = two_phase_table(fraction)
    level = norm.ppf(fraction)
    for r in (-0.95, -0.3, 0.2, 0.7, 0.99):
        both = multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([level, level])
        wanted = (both - fraction**2) / (fraction - fraction**2)
        assert np.interp(r, rho, c) == pytest.approx(wanted, abs=2e-6)
    assert c[-1] == 1.0
    assert np.all(np.diff(c) >= 0)


def test_half_and_half_is_the_arcsine_law():
    rho, c = two_phase_table(0.5)
    np.testing.assert_allclose(c, 2 / np.pi * np.arcsin(rho), atol=1e-7)


def test_sampled_table_agrees_with_the_integral():
    fractions = np.array([0.2, 0.8])
    levels, axes = phase_levels(fractions), simplex_axes(2)
    rho, c = sampled_table(lambda z: np.eye(2)[(z @ axes.T + levels).argmax(axis=1)], 1)
    np.testing.assert_allclose(c, np.interp(rho, *two_phase_table(0.8)), atol=4e-3)


def test_linear_grey_levels_keep_the_correlation():
    rho, c = sampled_table(lambda z: 3 * z + 7, 1)
    np.testing.assert_allclose(c, rho, atol=2e-3)


def test_opposite_scores_never_share_one_of_three_equal_phases():
    rho, c = phase_table(np.full(3, 1 / 3))
    assert c[0] == pytest.approx(-0.5, abs=5e-3)  # (0 - 1/3) / (1 - 1/3)
    assert np.interp(0.0, rho, c) == 0.0


@pytest.mark.parametrize("n_phases", [2, 3, 5])
def test_simplex_axes_give_scores_the_differences_of_independent_fields(n_phases):
    axes = simplex_axes(n_phases)
    np.testing.assert_allclose(axes.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(axes @ axes.T, np.eye(n_phases) - 1 / n_phases, atol=1e-12)


def test_levels_give_the_fractions():
    fractions = np.array([0.1, 0.2, 0.3, 0.4])
    scores = np.random.default_rng(0).standard_normal((200_000, 4)) + phase_levels(fractions)
    np.testing.assert_allclose(np.bincount(scores.argmax(axis=1)) / 2e5, fractions, atol=4e-3)


def test_levels_of_two_phases_are_the_limit_of_the_iteration():
    for fraction in (1e-4, 1e-3, 0.05, 0.3, 0.5, 0.77, 0.99, 0.9999):
        wanted = np.array([1 - fraction, fraction])
        levels = phase_levels(wanted)
        np.testing.assert_allclose(levels, iterated_levels(wanted), atol=1e-10)
        assert levels.sum() == 0
    np.testing.assert_array_equal(
        phase_levels(np.array([0.0, 1.0])), phase_levels(np.array([1e-5, 1.0]))
    )


def test_inversion_round_trip():
    lag = np.minimum(np.arange(24), 24 - np.arange(24))
    rho = np.exp(-np.add.outer(lag**2, lag**2) / 8.0)
    table = two_phase_table(0.3)
    wanted = np.interp(rho, *table)
    everywhere = np.ones(rho.shape, bool)
    spectrum, achieved = field_spectrum(wanted, everywhere, table, zero_mean=False)
    np.testing.assert_allclose(achieved, wanted, atol=3e-3)
    expected = np.fft.rfftn(rho).real
    np.testing.assert_allclose(spectrum, expected, atol=2e-3 * expected.max())


def test_spectrum_is_the_nearest_one():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(1.2, 1.0, 40), rng.uniform(0.5, 1.0, 40) / 40
    nearest = nearest_spectrum(values, weights)
    assert nearest.min() > 0
    assert nearest @ weights == pytest.approx(1.0)
    distance = weights @ (nearest - values) ** 2
    for _ in range(200):
        other = nearest * np.exp(rng.normal(0, 0.1, 40))
        other /= other @ weights
        assert weights @ (other - values) ** 2 > distance


@pytest.mark.parametrize("n_phases", [2, 3, 6])
def test_offsets_give_exact_counts(n_phases):
    rng = np.random.default_rng(0)
    scores = torch.from_numpy(rng.standard_normal((12, n_phases, 300)))
    counts = rng.multinomial(300, rng.dirichlet(np.ones(n_phases), 12))
    counts[0], counts[1] = 0, 0
    counts[0, 0] = counts[1, -1] = 300
    counts = torch.from_numpy(counts)
    labels = (scores + exact_offsets(scores, counts).unsqueeze(2)).argmax(dim=1)
    found = torch.stack([torch.bincount(row, minlength=n_phases) for row in labels])
    torch.testing.assert_close(found, counts)


def test_correlation_of_cut_fields_is_met_to_the_noise(cut_fields, fitted):
    samples = fitted.sample(500, random_state=0)
    real = mean_curve(cut_fields)
    floor = relative_error(mean_curve(cut_fields[::2]), mean_curve(cut_fields[1::2]))
    assert relative_error(mean_curve(samples), real) < max(floor, 4e-3)


@pytest.mark.parametrize("p1", [0.0, 0.013, 0.4, 0.77, 1.0])
def test_fraction_is_met_to_half_a_voxel(fitted, p1):
    samples = fitted.sample(20, p1=p1, random_state=0)
    np.testing.assert_allclose(samples.mean(axis=(1, 2)), p1, atol=0.5 / 1024 + 1e-6)


def test_fractions_follow_the_training_images():
    fields = gaussian_fields(40, (16, 16), (2, 2))
    images = np.concatenate([cut(fields[:20], 0.25), cut(fields[20:], 0.75)])
    drawn = GaussianRandomField().fit(images).sample(200, random_state=0).mean(axis=(1, 2))
    assert set(drawn.tolist()) == {0.25, 0.75}
    assert 0.4 < np.mean(drawn == 0.25) < 0.6


def test_domain_size_follows_the_fraction():
    fine = cut(gaussian_fields(200, (32, 32), (1.5, 1.5)), 0.3)
    coarse = cut(gaussian_fields(200, (32, 32), (4, 4), seed=1), 0.6)
    generator = GaussianRandomField().fit(np.concatenate([fine, coarse]))
    for images, p1 in ((fine, 0.3), (coarse, 0.6)):
        samples = generator.sample(200, p1=p1, random_state=0)
        assert relative_error(mean_curve(samples), mean_curve(images)) < 0.015


def test_anisotropy_is_kept():
    images = cut(gaussian_fields(200, (32, 32), (1.5, 4)), 0.5)
    samples = GaussianRandomField().fit(images).sample(200, random_state=0)
    real, new = (mean_curve(stack, output="directional") for stack in (images, samples))
    assert relative_error(real[17:], real[:17]) > 0.1
    assert relative_error(new, real) < 0.02


def test_three_dimensions():
    images = cut(gaussian_fields(12, (16, 16, 16), (2, 2, 2)), 0.3)
    samples = GaussianRandomField().fit(images).sample(12, random_state=0)
    np.testing.assert_allclose(samples.mean(axis=(1, 2, 3)), images.mean(), atol=1e-12)
    assert relative_error(mean_curve(samples), mean_curve(images)) < 0.02


def test_several_phases():
    levels = np.array([0.2, 0.3, 0.5])
    fields = gaussian_fields(150 * 3, (24, 24), (2.5, 2.5)).reshape(150, 3, 24, 24)
    images = (fields + phase_levels(levels)[:, None, None]).argmax(axis=1)
    generator = GaussianRandomField().fit(images)
    fractions = np.array([100, 176, 300]) / 576
    exact = generator.sample(20, phase_fractions=fractions, random_state=0)
    counts = [np.bincount(image.ravel()).tolist() for image in exact]
    assert counts == [[100, 176, 300]] * 20
    samples = generator.sample(150, random_state=1)
    same = [
        sum(mean_curve(stack, phase=phase) for phase in range(3)) for stack in (images, samples)
    ]
    assert relative_error(same[1], same[0]) < 0.01


def test_grey_levels():
    images = np.exp(gaussian_fields(200, (24, 24), (1.2, 1.2))).astype(np.float32)
    samples = GaussianRandomField().fit(images).sample(200, random_state=0)
    shares = [0.1, 0.5, 0.9]
    wanted = np.quantile(images, shares)
    np.testing.assert_allclose(np.quantile(samples, shares), wanted, rtol=0.05)
    real, new = (mean_curve(stack, normalized="autocovariance") for stack in (images, samples))
    assert relative_error(new, real) < 0.05


@pytest.mark.parametrize(("shape", "n"), [((96, 80), 60), ((20, 20), 400)])
def test_images_of_another_size_are_of_the_same_medium(fitted, shape, n):
    samples = fitted.sample(n, p1=0.4, shape=shape, random_state=1)
    same = cut(gaussian_fields(n, shape, (2.5, 2.5)), 0.4)
    assert relative_error(*(mean_curve(stack, max_lag=10) for stack in (samples, same))) < 0.015


def seam_excess(images):
    """How much more often the borders differ than neighbouring rows inside."""
    inside = np.mean(images[:, 1:] != images[:, :-1])
    return np.mean(images[:, 0] != images[:, -1]) / inside


def test_seams(fitted, cut_fields):
    assert seam_excess(fitted.sample(300, random_state=0)) == pytest.approx(1.0, abs=0.1)
    free = fitted.sample(300, periodic=False, random_state=0)
    assert seam_excess(free) > 2.0
    patches = cut_fields[:, :20, :20]
    from_patches = GaussianRandomField(periodic=False).fit(patches)
    samples = from_patches.sample(500, p1=patches.mean(axis=(1, 2)), random_state=0)
    assert seam_excess(samples) > 2.0
    curves = [mean_curve(stack, periodic=False) for stack in (samples, patches)]
    assert relative_error(*curves) < 0.01


def test_p2_target_is_inverted(cut_fields):
    fitted = GaussianRandomField(target_tol=np.inf).fit(cut_fields)
    coarse = cut(gaussian_fields(300, (32, 32), (3.5, 3.5), seed=5), 0.4)
    curve = mean_curve(coarse)
    before = relative_error(mean_curve(fitted.sample(300, random_state=0)), curve)
    samples = fitted.sample(300, p2=curve, random_state=0)
    assert relative_error(mean_curve(samples), curve) < 0.01
    assert before > 0.05
    np.testing.assert_allclose(samples.mean(axis=(1, 2)), curve[0], atol=0.5 / 1024 + 1e-6)


def test_p2_that_no_field_has_is_reported(fitted):
    curve = np.full(17, 0.0)
    curve[0] = 0.4
    with pytest.warns(TargetWarning, match="no level-cut Gaussian field has the target p2"):
        fitted.sample(2, p2=curve, random_state=0)


def test_contradictions(fitted):
    curve = mean_curve(fitted.sample(20, random_state=0))
    with pytest.raises(ValueError, match=r"p1 and phase_fractions must agree .* 0\.3 and 0\.4"):
        fitted.sample(2, p1=0.3, phase_fractions=[0.6, 0.4])
    with pytest.raises(ValueError, match="p1 and p2 must agree"):
        fitted.sample(2, p1=0.7, p2=curve)
    both = fitted.sample(3, p1=0.4, phase_fractions=[0.6, 0.4], random_state=0)
    np.testing.assert_array_equal(both, fitted.sample(3, p1=0.4, random_state=0))


def test_other_targets_are_searched(fitted):
    surface = SpecificSurface().fit(fitted.sample(2))
    own = surface.transform(fitted.sample(50, p1=0.4, random_state=0)).mean()
    samples = fitted.sample(4, p1=0.4, specific_surface=0.9 * own, random_state=1)
    np.testing.assert_allclose(surface.transform(samples), 0.9 * own, atol=0.0101)
    np.testing.assert_allclose(samples.mean(axis=(1, 2)), 0.4, atol=0.5 / 1024 + 1e-6)


def test_returned_targets_agree_with_the_images(fitted):
    images, targets = fitted.sample(3, p1=0.35, return_targets=True, random_state=0)
    np.testing.assert_allclose(targets["phase_fractions"], [[0.65, 0.35]] * 3, atol=1e-6)
    np.testing.assert_allclose(targets["p2"][:, 0], 0.35, atol=1e-6)
    assert images.shape == (3, 32, 32)


@pytest.mark.representatives("2-True", "3-False")
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("n_phases", [2, 3])
def test_reconstruction_is_exact(periodic, n_phases):
    fields = gaussian_fields(12 * n_phases, (12, 15), (2, 2)).reshape(12, n_phases, 12, 15)
    images = fields.argmax(axis=1)
    generator = GaussianRandomField(periodic=periodic).fit(images)
    latents = generator.transform(images)
    np.testing.assert_array_equal(generator.inverse_transform(latents), images)
    assert latents[:, : generator._model().n_latent].std() < 5


@pytest.mark.parametrize(
    ("shape", "periodic", "n_phases"),
    [
        *product([(16, 16), (4, 6, 5), (1, 9), (7, 7)], [False, True], [2]),
        ((4, 6, 5), False, 3),
        ((7, 7), True, 3),
    ],
)
def test_rows_do_not_see_each_other(shape, periodic, n_phases):
    rng = np.random.default_rng(0)
    images = rng.integers(0, n_phases, (20, *shape))
    generator = GaussianRandomField(periodic=periodic).fit(images)
    many = generator.sample(70, random_state=1)
    np.testing.assert_array_equal(many[:3], generator.sample(3, random_state=1))
    latents = generator.transform(images)
    np.testing.assert_array_equal(generator.transform(images[[17, 3]]), latents[[17, 3]])
    copied = pickle.loads(pickle.dumps(generator))
    np.testing.assert_array_equal(copied.sample(70, random_state=1), many)


def test_size_of_a_resized_copy_leaves_the_original(fitted, tmp_path):
    before = fitted.sample(2, random_state=0)
    larger = fitted.sample(2, shape=(48, 40), p1=0.5, exact=True, random_state=0)
    assert np.all(larger.mean(axis=(1, 2)) == 0.5)
    np.testing.assert_array_equal(fitted.sample(2, random_state=0), before)
    fitted.save(tmp_path / "field.skm")
    loaded = skmicro.load(tmp_path / "field.skm")
    np.testing.assert_array_equal(loaded.sample(2, random_state=0), before)


@pytest.mark.parametrize("value", [0, 1])
def test_images_of_one_phase_only(value):
    images = np.full((3, 6, 6), value)
    np.testing.assert_array_equal(GaussianRandomField().fit(images).sample(3), images)


def test_parameters_are_checked(fitted, cut_fields):
    with pytest.raises(ValueError, match=r"periodic must be one of .*'yes'"):
        GaussianRandomField(periodic="yes").fit(cut_fields)
    with pytest.raises(ValueError, match=r"target_tol must lie in .*-1"):
        GaussianRandomField(target_tol=-1.0).fit(cut_fields)
    with pytest.raises(ValueError, match="shape must hold 2 integers"):
        fitted.sample(1, shape=(8, 8, 8))


def test_one_image_is_enough():
    X, _ = make_cahn_hilliard(1, (16, 16), n_steps=200, random_state=0)
    one, two = (GaussianRandomField().fit(images) for images in (X, X.repeat(2, axis=0)))
    np.testing.assert_array_equal(one.sample(3, random_state=0), two.sample(3, random_state=0))
    assert set(one.sample(3, random_state=0).sum(axis=(1, 2)).tolist()) == {int(X.sum())}
