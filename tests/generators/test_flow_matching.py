"""FlowMatchingGenerator: guidance, any subset of conditions, windows, round trips."""

import pickle
import warnings

import numpy as np
import pytest
import torch

import skmicro
from skmicro.descriptors import SpecificSurface, VolumeFraction
from skmicro.exceptions import ExtrapolationWarning, TargetWarning
from skmicro.generators import FlowMatchingGenerator

TINY = {"n_iter": 3, "width": 4, "batch_size": 4, "random_state": 0, "device": "cpu"}


def blobs(n=24, shape=(16, 16), n_phases=2):
    rng = np.random.default_rng(0)
    noise = rng.random((n, *shape))
    for axis in range(1, noise.ndim):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)
    levels = np.quantile(noise, np.arange(1, n_phases) / n_phases)
    return np.searchsorted(levels, noise + rng.normal(0, 0.1, (n,) + (1,) * len(shape)))


def fitted(X=None, **settings):
    """A generator whose network is random, not only what three steps make of it."""
    generator = FlowMatchingGenerator(**TINY | {"periodic": True} | settings)
    generator.fit(blobs() if X is None else X)
    rng = torch.Generator().manual_seed(0)
    for weights in generator.generator_.parameters():
        weights.add_(0.1 * torch.randn(weights.shape, generator=rng))
    return generator


def state(generator, n=3):
    noise = torch.randn(n, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    return noise, torch.full((n,), 0.3), torch.full((n, 1), 0.45)


def velocity(generator, guidance, conditions=None):
    x, t, given = state(generator)
    return generator.set_params(guidance=guidance)._velocity(
        x, t, given if conditions is None else conditions
    )


def test_guidance_extrapolates_from_the_unconditional_velocity():
    generator = fitted()
    x, t, given = state(generator)
    nothing = torch.full_like(given, torch.nan)
    conditional = generator.generator_(x, t, given)
    free = generator.generator_(x, t, nothing)
    assert (conditional - free).abs().max() > 1e-3
    assert torch.equal(velocity(generator, 1.0), conditional)
    assert torch.equal(velocity(generator, 0.0), free)
    torch.testing.assert_close(velocity(generator, 2.5), free + 2.5 * (conditional - free))
    torch.testing.assert_close(velocity(generator, 2.5, nothing), free)


def test_guidance_zero_makes_the_images_without_targets():
    generator = fitted(target_tol=np.inf)
    free = generator.sample(4, random_state=0)
    generator.set_params(guidance=0.0)
    np.testing.assert_array_equal(generator.sample(4, p1=0.4, random_state=0), free)


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.TargetWarning")
def test_any_subset_of_conditions_may_be_given():
    generator = fitted(conditions=("p1", "specific_surface"), target_tol=0.2)
    seen = []
    network = generator.generator_
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2][0].isnan().tolist()))
    ranges = generator.conditions_.ranges
    p1, surface = (float(np.mean(ranges[name])) for name in ("p1", "specific_surface"))
    for targets in ({}, {"p1": p1}, {"specific_surface": surface}):
        seen.clear()
        _, answer = generator.sample(2, random_state=0, return_targets=True, **targets)
        missing = [name not in targets for name in ("p1", "specific_surface")]
        assert all(row == missing for row in seen)
        for name, absent in zip(("p1", "specific_surface"), missing, strict=True):
            expected = np.nan if absent else targets[name]
            np.testing.assert_allclose(answer[name], expected, rtol=1e-6)


def test_without_conditions():
    generator = fitted(conditions=(), guidance=3.0)
    assert generator.conditions_.n_columns == 0
    assert generator.sample(2, random_state=0).shape == (2, 16, 16)
    assert generator.transform(blobs()[:2]).shape == (2, 256)


def test_conditions_are_learned():
    rng = np.random.default_rng(0)
    noise = np.cumsum(rng.standard_normal((64, 8, 8)), axis=1)
    levels = np.where(rng.random(64) < 0.5, 0.2, 0.8)
    X = np.stack(
        [field > np.quantile(field, 1 - p1) for field, p1 in zip(noise, levels, strict=True)]
    )
    generator = FlowMatchingGenerator(
        **TINY | {"n_iter": 600, "width": 8, "batch_size": 16, "target_tol": np.inf}
    ).fit(X)
    means = [generator.sample(40, p1=p1, random_state=1).mean() for p1 in (0.21, 0.79)]
    np.testing.assert_allclose(means, [0.21, 0.79], atol=0.08)
    free = generator.sample(80, random_state=1).mean(axis=(1, 2))
    assert free.std() > 0.15
    assert generator.history_["matching"][-20:].mean() < generator.history_["matching"][:5].mean()


@pytest.mark.parametrize("shape", [(16, 16), (8, 8, 16)])
def test_rolled_noise_gives_the_rolled_image(shape):
    generator = fitted(blobs(6, shape))
    latents = np.random.default_rng(0).standard_normal((2, int(np.prod(shape)))).astype(np.float32)
    step = generator.generator_.coarseness
    axes = tuple(range(1, 1 + len(shape)))
    rolled = np.roll(latents.reshape(2, *shape), step, axes).reshape(2, -1)
    conditions = torch.full((2, 1), 0.5)
    with torch.no_grad():
        images, moved = (
            generator._generate(torch.tensor(noise), conditions) for noise in (latents, rolled)
        )
    shifted = images.roll([step] * len(shape), [axis + 1 for axis in axes])
    torch.testing.assert_close(moved, shifted, atol=1e-3, rtol=0)


def test_image_and_noise_are_a_round_trip_up_to_the_integration():
    X = blobs()[:4]
    generator = fitted(precision="float64", target_tol=np.inf)
    x = torch.tensor(2.0 * X[:, None] - 1.0)
    conditions = torch.tensor(generator.conditions_.describe(X), dtype=torch.float64)
    errors = []
    for n_steps in (16, 32, 64):
        generator.set_params(n_steps=n_steps)
        noise = generator._flow(x, conditions, 1.0, 0.0)
        errors.append((generator._flow(noise, conditions, 0.0, 1.0) - x).abs().max().item())
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    np.testing.assert_array_equal(generator.reconstruct(X), X)


def test_interpolation_follows_the_arc():
    generator = fitted()
    seen = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    generator.interpolate(*np.random.default_rng(0).standard_normal((2, 257)), n_steps=3)
    lengths = seen[0].flatten(1).norm(dim=1)[:3]
    assert lengths[1] > 0.9 * lengths[[0, 2]].mean()


@pytest.mark.parametrize("n_phases", [2, 3])
def test_exact_fractions(n_phases):
    generator = fitted(blobs(n_phases=n_phases), conditions=("phase_fractions",))
    wanted = {2: [0.375, 0.625], 3: [0.25, 0.25, 0.5]}[n_phases]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)
        images = generator.sample(3, phase_fractions=wanted, exact=True, random_state=0)
    for phase, share in enumerate(wanted):
        np.testing.assert_array_equal((images == phase).mean(axis=(1, 2)), share)


def test_target_that_is_no_condition_is_searched_through_the_flow():
    generator = fitted(blobs(shape=(8, 8)), conditions=(), n_steps=2, target_tol=0.02)
    surface = SpecificSurface().fit(blobs(shape=(8, 8)))
    free = surface.transform(generator.sample(3, random_state=0))[:, 0]
    wanted = float(free.mean() + 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TargetWarning)
        warnings.simplefilter("ignore", ExtrapolationWarning)
        images = generator.sample(3, specific_surface=wanted, random_state=0)
    found = surface.transform(images)[:, 0]
    assert np.abs(found - wanted).mean() < 0.3 * np.abs(free - wanted).mean()


def test_periodic_or_larger_images():
    generator = fitted()
    assert generator.sample(1, shape=(24, 40), random_state=0).shape == (1, 24, 40)
    assert generator.sample(1, shape=(13, 9), periodic=False, random_state=0).shape == (1, 13, 9)
    with pytest.raises(ValueError, match="multiples of 4"):
        generator.sample(1, shape=(18, 16))


def cropped(X, **settings):
    return FlowMatchingGenerator(crop_shape=(8, 12), **TINY | settings).fit(X)


def test_one_large_image_is_enough_with_crop_shape():
    scan = blobs(1, (30, 25))
    generator = cropped(scan)
    assert generator.image_shape_ == (8, 12)
    assert generator.n_features_in_ == 96
    values = generator.conditions_.rows[:, 0]
    assert len(values) == 256
    assert np.std(values) > 0.01
    windows = generator.conditions_.describe(scan[:, :8, :12])
    np.testing.assert_allclose(windows, VolumeFraction().fit_transform(scan[:, :8, :12]), atol=1e-6)
    assert generator.sample(2, random_state=0).shape == (2, 8, 12)
    assert generator.sample(1, shape=(16, 16), periodic=True, random_state=0).shape == (1, 16, 16)
    assert generator.reconstruct(scan[:, :8, :12]).shape == (1, 8, 12)
    assert generator.partial_fit(blobs(2, (20, 20))).n_iter_ == 6
    again = pickle.loads(pickle.dumps(generator)).sample(2, random_state=1)
    np.testing.assert_array_equal(again, generator.sample(2, random_state=1))


def test_crop_shape_reads_flat_rows():
    scans = blobs(3, (10, 14))
    nd = cropped(scans).sample(2, random_state=0)
    flat = cropped(scans.reshape(3, -1), image_shape=(10, 14)).sample(2, random_state=0)
    np.testing.assert_array_equal(flat, nd.reshape(2, -1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_shape": (8, 40)}, r"crop_shape must fit into the images \(16, 16\), got \(8, 40\)"),
        ({"crop_shape": (4, 4, 4)}, "crop_shape must fit into"),
        ({"crop_shape": (8, 8), "periodic": True}, "periodic must be False with crop_shape"),
        ({"n_steps": 0}, "n_steps must be >= 1, got 0"),
        ({"method": "rk4"}, "method must be one of .*got 'rk4'"),
        ({"guidance": np.nan}, "guidance must lie in .*nan"),
        ({"p_drop": 0.0}, r"p_drop must lie in \(0, 1\), got 0.0"),
        ({"conditions": ("p1", "p1")}, "conditions must have different names"),
        ({"symmetries": ("scaling",)}, "symmetries must be one of"),
    ],
)
def test_parameters(settings, message):
    with pytest.raises(ValueError, match=message):
        FlowMatchingGenerator(**TINY | settings).fit(blobs(4))


def test_sampling_parameters_are_checked_after_fit_as_well():
    generator = fitted().set_params(n_steps=0)
    with pytest.raises(ValueError, match="n_steps must be >= 1, got 0"):
        generator.sample(1)


def test_saved_file_keeps_the_settings_of_sampling(tmp_path):
    generator = fitted().set_params(n_steps=3, method="euler")
    generator.save(tmp_path / "flow.skm")
    loaded = skmicro.load(tmp_path / "flow.skm")
    assert (loaded.n_steps, loaded.method) == (3, "euler")
    np.testing.assert_array_equal(
        loaded.sample(2, random_state=0), generator.sample(2, random_state=0)
    )
