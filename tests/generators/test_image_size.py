"""Images of another size, from the same weights on another torus."""

import copy
import warnings

import numpy as np
import pytest
import torch

from skmicro.descriptors import TwoPointCorrelation
from skmicro.exceptions import ExtrapolationWarning, ImageShapeWarning, TargetWarning
from skmicro.generators import GIN, WGANGP, InvNetGenerator
from skmicro.networks import _state, build, light_generator

SMALL = {
    "architecture": "light",
    "n_latent": 3,
    "width": 4,
    "n_iter": 2,
    "batch_size": 8,
    "random_state": 0,
    "device": "cpu",
}


def blobs(n=24, shape=(16, 16), seed=0):
    """Smooth periodic images whose second phase fills between 0.25 and 0.75."""
    rng = np.random.default_rng(seed)
    noise = rng.random((n, *shape))
    for axis in range(1, noise.ndim):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)
    ranks = noise.reshape(n, -1).argsort(axis=1).argsort(axis=1) / np.prod(shape)
    return (ranks > np.linspace(0.75, 0.25, n)[:, None]).astype(np.uint8).reshape(noise.shape)


def network(shape=(16, 12), n_conditions=1, periodic=True, n_channels=2, seed=0):
    """A light generator in double precision whose zero-started layers have weights."""
    whitening = ([0.5] * n_conditions, (10.0 * torch.eye(n_conditions)).tolist())
    made = build(
        lambda: light_generator(3, whitening, n_channels, shape, width=4, periodic=periodic),
        torch.Generator().manual_seed(seed), dtype=torch.float64,
    )  # fmt: skip
    rng = torch.Generator().manual_seed(seed + 1)
    for parameter in made.parameters():
        if not parameter.any():
            parameter.data.normal_(0.0, 0.1, generator=rng)
    return made.eval()


def images_of(made, latents, p1=0.55):
    n = len(latents)
    with torch.no_grad():
        return made(latents.reshape(n, -1), torch.full((n, len(made.whitening[0])), p1).double())


def maps_for(made, n=2, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, *made.start, generator=rng, dtype=torch.float64)


def standardized(x):
    dims = tuple(range(2, x.ndim))
    return (x - x.mean(dims, keepdim=True)) / x.std(dims, keepdim=True)


@pytest.fixture(scope="module")
def periodic():
    settings = SMALL | {"periodic": True, "n_iter": 30, "n_level_steps": 80, "target_tol": 1.0}
    return InvNetGenerator.light(**settings).fit(blobs(100))


@pytest.fixture(scope="module")
def cropped():
    return WGANGP(**SMALL).fit(blobs())


@pytest.mark.parametrize(
    ("shape", "wrapped"),
    [((16, 12), True), ((8, 8, 4), True), ((16, 12), False), ((13, 7), False), ((5, 7, 6), False)],
)
def test_the_training_size_gives_the_same_images_bit_for_bit(shape, wrapped):
    made = network(shape, periodic=wrapped)
    resized = made.resized(made.image_shape, wrapped)
    maps = maps_for(made)
    assert resized.n_latent == made.n_latent
    assert torch.equal(images_of(resized, maps), images_of(made, maps))


def test_samples_of_the_training_size_are_plain_samples(periodic, cropped):
    for generator in (periodic, cropped):
        expected = generator.sample(5, random_state=0)
        again = generator.sample(5, shape=(16, 16), random_state=0)
        np.testing.assert_array_equal(again, expected)
        again = generator.sample(5, periodic=generator.periodic, random_state=0)
        np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize(("size", "axis"), [((32, 24), 0), ((32, 24), 1), ((8, 40), 1)])
def test_a_larger_torus_moves_with_its_latents(size, axis):
    made = network((16, 12)).resized(size, True)
    maps = maps_for(made)
    moved = images_of(made, maps.roll(1, axis + 2))
    images = images_of(made, maps)
    torch.testing.assert_close(moved, images.roll(made.coarseness, axis + 2))
    assert torch.equal(moved.argmax(1), images.roll(made.coarseness, axis + 2).argmax(1))
    assert not torch.allclose(moved, images.roll(1, axis + 2), atol=1e-3)


def test_a_larger_torus_in_three_dimensions_moves_with_its_latents():
    made = network((8, 8, 8)).resized((8, 16, 12), True)
    maps = maps_for(made)
    moved = images_of(made, maps.roll((1, -2), (3, 4)))
    expected = images_of(made, maps).roll((made.coarseness, -2 * made.coarseness), (3, 4))
    torch.testing.assert_close(moved, expected)


def test_repeated_latents_give_the_small_image_repeated():
    """A torus of two equal halves is the small torus twice, if nothing depends on the size."""
    made = network((16, 16), n_conditions=0)
    maps = maps_for(made)
    maps = maps - maps.mean((2, 3), keepdim=True)
    twice = images_of(made.resized((32, 16), True), maps.repeat(1, 1, 2, 1))
    torch.testing.assert_close(twice, images_of(made, maps).repeat(1, 1, 2, 1))


@pytest.mark.parametrize("size", [(16, 16), (64, 32), (8, 4)])
def test_the_level_sees_standard_normal_numbers_at_every_size(size):
    """The sum of the latents in units of its spread, whatever the number of coarse voxels."""
    made = network((16, 16)).resized(size, True)
    seen = []
    handle = made.level.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    images_of(made, maps_for(made, n=500))
    handle.remove()
    torch.testing.assert_close(seen[0][:, 1:].std(), torch.tensor(1.0).double(), rtol=0.06, atol=0)


@pytest.mark.parametrize("size", [(16, 16), (20, 28), (33, 9)])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_images_with_borders_are_cut_out_of_a_torus_one_coarse_voxel_larger(size, n_channels):
    """Up to the contrast and the level, which are set in what is cut out."""
    made = network((16, 16), n_channels=n_channels)
    cut = made.resized(size, False)
    torus = tuple(side * made.coarseness for side in cut.start[1:])
    whole = made.resized(torus, True)
    assert all(side - made.coarseness >= n for side, n in zip(torus, size, strict=True))
    maps = maps_for(cut)

    def logits(images):
        if n_channels == 1:
            return images.logit()
        return images.log() - images.log().mean(dim=1, keepdim=True)

    inner = logits(images_of(whole, maps))[:, :, : size[0], : size[1]]
    torch.testing.assert_close(
        standardized(logits(images_of(cut, maps))), standardized(inner), rtol=1e-6, atol=1e-8
    )


def test_opposite_borders_match_in_periodic_images_only(periodic):
    """Across the border phases change as often as inside, where coarse voxels meet."""
    step = periodic.generator_.coarseness

    def across_and_inside(images):
        after, before = images[:, ::step], images[:, step - 1 :: step]
        across = (after[:, 0] != before[:, -1]).mean()
        return across, (after[:, 1:] != before[:, :-1]).mean()

    wrapped = periodic.sample(200, shape=(24, 24), random_state=0)
    across, inside = across_and_inside(wrapped)
    assert across == pytest.approx(inside, rel=0.15)
    across, inside = across_and_inside(
        periodic.sample(200, shape=(24, 24), periodic=False, random_state=0)
    )
    assert across > 1.3 * inside


def test_conditions_are_met_at_every_size(periodic):
    """By the network alone: with this tolerance no sample is corrected."""
    for size in ((16, 16), (32, 40), (64, 64)):
        means = [
            periodic.sample(60, p1=p1, shape=size, random_state=0).mean() for p1 in (0.35, 0.65)
        ]
        np.testing.assert_allclose(means, [0.35, 0.65], atol=0.06)


def test_misses_are_corrected_at_every_size(periodic):
    generator = copy.deepcopy(periodic)
    asked = np.linspace(0.35, 0.65, 20)
    fractions = [
        generator.set_params(target_tol=tolerance)
        .sample(20, p1=asked, shape=(32, 24), random_state=0)
        .mean(axis=(1, 2))
        for tolerance in (1.0, 0.004)
    ]
    raw, corrected = (np.abs(values - asked) for values in fractions)
    assert (corrected <= raw + 1e-9).all()
    assert corrected.mean() < 0.5 * raw.mean()


@pytest.mark.parametrize("wrapped", [None, True, False])
def test_exact_fractions_are_counted_in_the_large_image(periodic, wrapped):
    asked = np.array([0.3, 0.5001, 0.7])
    images = periodic.sample(
        3, p1=asked, exact=True, shape=(24, 40), periodic=wrapped, random_state=0
    )
    assert images.shape == (3, 24, 40)
    counts = images.sum(axis=(1, 2), dtype=int)
    np.testing.assert_array_equal(counts, np.floor(asked * 960 + 0.5))


def test_first_samples_do_not_depend_on_how_many_follow(periodic):
    many = periodic.sample(9, shape=(32, 24), random_state=4)
    np.testing.assert_array_equal(periodic.sample(4, shape=(32, 24), random_state=4), many[:4])


def test_a_curve_is_searched_at_the_size_of_the_images(cropped):
    """The target has the lags of the large image and is met nearer than by chance."""
    wanted = cropped.sample(6, shape=(24, 24), random_state=11)
    correlation = TwoPointCorrelation(periodic=False).fit(wanted)
    curve = correlation.transform(wanted).mean(axis=0)
    assert len(curve) == 13

    def error(**targets):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TargetWarning)
            warnings.simplefilter("ignore", ExtrapolationWarning)
            images = cropped.sample(4, shape=(24, 24), random_state=0, **targets)
        return np.sqrt(np.square(correlation.transform(images) - curve).mean(axis=1)).mean()

    assert error(p2=curve) < 0.6 * error()
    with pytest.raises(ValueError, match=r"target p2 must be an array of shape \(13,\)"):
        cropped.sample(4, shape=(24, 24), p2=curve[:9])


def test_the_volume_fraction_is_searched_at_another_size():
    generator = GIN.light(**(SMALL | {"n_iter": 20})).fit(blobs())
    asked = float(generator.sample(30, shape=(32, 32), random_state=5).mean())
    images = generator.sample(4, p1=asked, shape=(32, 32), exact=True, random_state=0)
    np.testing.assert_allclose(images.mean(axis=(1, 2)), asked, atol=0.5 / 1024 + 1e-9)


def test_targets_are_returned_at_another_size(periodic):
    images, targets = periodic.sample(
        3, p1=[0.4, 0.5, 0.6], shape=(8, 24), return_targets=True, random_state=0
    )
    assert images.shape == (3, 8, 24)
    np.testing.assert_array_equal(targets["p1"][:, 0], [0.4, 0.5, 0.6])


@pytest.mark.parametrize("size", [(18, 16), (16, 23), (2, 4)])
def test_periodic_images_are_whole_numbers_of_coarse_voxels(periodic, size):
    assert periodic.sample(1, shape=(4, 20), random_state=0).shape == (1, 4, 20)
    assert periodic.sample(1, shape=size, periodic=False, random_state=0).shape == (1, *size)
    with pytest.raises(
        ValueError, match=rf"shape must be multiples of 4 .*\({size[0]}, {size[1]}\)"
    ):
        periodic.sample(1, shape=size)


def test_training_images_that_would_leave_a_seam_are_named():
    images, settings = blobs(shape=(18, 16)), SMALL | {"n_iter": 1, "batch_size": 2}
    with pytest.warns(ImageShapeWarning, match=r"multiples of 8 for the 'light' .*\(18, 16\)"):
        generator = GIN.light(**settings, periodic=True).fit(images)
    as_trained = generator.sample(2, random_state=0)
    np.testing.assert_array_equal(generator.sample(2, shape=(18, 16), random_state=0), as_trained)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImageShapeWarning)
        GIN.light(**settings, periodic=True).fit(blobs())
        GIN.light(**settings, periodic=False).fit(images)
        WGANGP(**settings | {"architecture": "residual"}, periodic=True).fit(images)


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        ((32,), ValueError, r"shape must hold 2 integers, got \(32,\)"),
        ((16, 16, 16), ValueError, r"shape must hold 2 integers"),
        (32, ValueError, "shape must hold 2 integers, got 32"),
        ((0, 16), ValueError, r"shape\[0\] must be >= 1, got 0"),
        ((16, 16.0), TypeError, r"shape\[1\] must be an integer, got 16\.0"),
    ],
)
def test_sizes_are_checked_by_name(periodic, size, error, message):
    with pytest.raises(error, match=message):
        periodic.sample(1, shape=size)


@pytest.mark.parametrize("value", ["yes", 2, (True, False)])
def test_periodic_is_checked_by_name(cropped, value):
    with pytest.raises((ValueError, TypeError), match="periodic must be"):
        cropped.sample(1, periodic=value)


@pytest.mark.parametrize("architecture", ["residual", "dense"])
def test_networks_of_one_size_say_so(architecture):
    generator = WGANGP(**(SMALL | {"architecture": architecture})).fit(blobs(shape=(8, 8)))
    for request in ({"shape": (16, 16)}, {"periodic": True}):
        with pytest.raises(ValueError, match="shape and periodic must be None for this WGANGP"):
            generator.sample(1, **request)


def test_weights_are_shared():
    made = network()
    resized = made.resized((64, 64), True)
    own = dict(made.named_parameters()) | dict(made.named_buffers())
    shared = dict(resized.named_parameters()) | dict(resized.named_buffers())
    assert own.keys() == shared.keys()
    assert all(shared[name] is own[name] for name in own)
    assert made.image_shape == (16, 12)
    assert made.n_latent == 3 * np.prod(made.start[1:])


def test_no_network_is_built_for_another_size(periodic, monkeypatch):
    def build_again(*_, **__):
        raise AssertionError("a network was built")

    monkeypatch.setattr(_state, "build", build_again)
    assert periodic.sample(1, shape=(32, 32)).shape == (1, 32, 32)


def test_the_generator_is_as_it_was(periodic):
    before, sampled = dict(vars(periodic)), periodic.sample(3, random_state=0)
    start, n_latent = periodic.generator_.start, periodic.generator_.n_latent
    weights = {name: value.clone() for name, value in periodic.generator_.state_dict().items()}
    periodic.sample(2, shape=(40, 24), periodic=False, random_state=0)
    with pytest.raises(ValueError, match="shape"):
        periodic.sample(2, shape=(41, 24))
    assert vars(periodic) == before
    assert (periodic.generator_.start, periodic.generator_.n_latent) == (start, n_latent)
    for name, value in periodic.generator_.state_dict().items():
        assert torch.equal(value, weights[name])
    np.testing.assert_array_equal(periodic.sample(3, random_state=0), sampled)


def test_large_images_of_a_generator_of_flat_rows_have_their_axes():
    X = blobs()
    flat = WGANGP(**SMALL, image_shape=(16, 16)).fit(X.reshape(len(X), -1))
    images = flat.sample(2, shape=(32, 24), random_state=0)
    expected = WGANGP(**SMALL).fit(X).sample(2, shape=(32, 24), random_state=0)
    np.testing.assert_array_equal(images, expected)
    assert flat.sample(2, random_state=0).shape == (2, 256)


def test_large_images_keep_labels_and_type():
    X = np.where(blobs() == 1, np.int16(7), np.int16(-3))
    images = WGANGP(**SMALL).fit(X).sample(2, shape=(40, 32), random_state=0)
    assert images.dtype == np.int16
    assert set(np.unique(images)) == {-3, 7}
