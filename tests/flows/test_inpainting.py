"""Filling of regions: what is known stays, the rest has the conditional distribution."""

import pickle
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import case
from textures import cut_blobs

from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import ExtrapolationWarning, TargetWarning
from skmicro.flows import _inpainting, _model, completed_flow
from skmicro.generators import FlowMatchingGenerator
from skmicro.networks import _windows

TINY = {
    "n_iter": 3,
    "width": 4,
    "batch_size": 4,
    "random_state": 0,
    "method": "euler",
    "device": "cpu",
    "precision": "float32",
}
MEAN = torch.tensor([0.3, -0.2], dtype=torch.float64)
SPREADS = torch.tensor([0.7, 0.8], dtype=torch.float64)
KNOWN = 0.9
N_STEPS, N_ROUNDS = _inpainting.N_STEPS, _inpainting.N_ROUNDS


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Fewer evaluations of networks, whose batches are filled up."""
    monkeypatch.setattr(_inpainting, "N_STEPS", 2)
    monkeypatch.setattr(_inpainting, "N_ROUNDS", 2)
    monkeypatch.setattr(_model, "BATCH_SIZE", 4)


def blobs(n=8, shape=(12, 12), **settings):
    return cut_blobs(n, shape, **settings)


def fitted(X=None, **settings):
    """A generator of its own, fitted once to blobs or to other images."""
    return pickle.loads(pickled(**settings)) if X is None else trained(X, **settings)


@cache
def pickled(**settings):
    return pickle.dumps(trained(blobs(), **settings))


def trained(X, **settings):
    """A generator whose network is random, not only what three steps make of it."""
    generator = FlowMatchingGenerator(**TINY | {"periodic": True} | settings).fit(X)
    rng = torch.Generator().manual_seed(0)
    for weights in generator.generator_.parameters():
        weights.add_(0.1 * torch.randn(weights.shape, generator=rng))
    return generator


def holes(shape, seed=1):
    return np.random.default_rng(seed).random(shape) < 0.3


def pair_velocity(correlation):
    """Exact velocity of a flow from noise to two voxels that are normal and correlated."""
    off = correlation * SPREADS.prod()
    covariance = torch.diag(SPREADS**2) + torch.tensor([[0, off], [off, 0]], dtype=torch.float64)
    unit = torch.eye(2, dtype=torch.float64)

    def velocity(x, t):
        spread = (1 - t) ** 2 * unit + t**2 * covariance
        slope = torch.linalg.solve(spread, t * covariance - (1 - t) * unit, left=False)
        return (MEAN + (x.flatten(1) - t * MEAN) @ slope.T).view_as(x)

    return velocity


@pytest.fixture
def filled_pairs(monkeypatch):
    """The second voxel of pairs whose first one is known."""

    def filled(correlation, n=4000, n_steps=N_STEPS, n_rounds=N_ROUNDS, method="midpoint"):
        monkeypatch.setattr(_inpainting, "N_STEPS", n_steps)
        monkeypatch.setattr(_inpainting, "N_ROUNDS", n_rounds)
        images = MEAN.new_tensor([KNOWN, np.nan]).view(1, 1, 1, 2).expand(n, 1, 1, 2)
        unknown = torch.tensor([False, True]).view(1, 1, 1, 2)
        rng = torch.Generator().manual_seed(0)
        x = completed_flow(pair_velocity(correlation), images, unknown, rng, method)
        assert (x[..., 0] == KNOWN).all()
        return x[:, 0, 0, 1]

    return filled


def conditional(correlation):
    """Mean and variance of the second voxel given the first one."""
    slope = correlation * SPREADS[1] / SPREADS[0]
    mean = MEAN[1] + slope * (KNOWN - MEAN[0])
    return mean.item(), (SPREADS[1] ** 2 * (1 - correlation**2)).item()


@pytest.mark.representatives("0.8")
@pytest.mark.parametrize("correlation", [-0.5, 0.8])
def test_many_rounds_give_the_conditional_distribution(correlation, filled_pairs):
    filled = filled_pairs(correlation, n=2500, n_steps=12, n_rounds=60)
    mean, variance = conditional(correlation)
    assert filled.mean().item() == pytest.approx(mean, abs=3.5 * (variance / 2500) ** 0.5)
    assert filled.var().item() == pytest.approx(variance, rel=0.1)
    skewness = ((filled - filled.mean()) ** 3).mean() / filled.var() ** 1.5
    assert abs(skewness.item()) < 0.2


def test_unknown_that_does_not_depend_on_the_known_needs_one_round(filled_pairs):
    filled = filled_pairs(0.0, n_rounds=1)
    assert filled.mean().item() == pytest.approx(MEAN[1].item(), abs=0.04)
    assert filled.var().item() == pytest.approx(SPREADS[1].item() ** 2, rel=0.08)


def test_rounds_bring_the_mean_nearer(filled_pairs):
    mean, _ = conditional(0.8)
    misses = [abs(filled_pairs(0.8, n_rounds=n).mean().item() - mean) for n in (1, 2, 4, 8, 16)]
    assert all(fewer > 1.1 * more for fewer, more in pairwise(misses))


def test_noise_added_anew_is_that_of_the_time():
    """Voxels that do not depend on what is known have the flow's distribution all along."""
    seen, velocity = {}, pair_velocity(0.0)

    def watched(x, t):
        seen.setdefault(t, []).append(x[:, 0, 0, 1])
        return velocity(x, t)

    unknown = torch.tensor([False, True]).view(1, 1, 1, 2)
    images = torch.full((20_000, 1, 1, 2), KNOWN, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_inpainting, "N_STEPS", N_STEPS)
        patch.setattr(_inpainting, "N_ROUNDS", 4)
        completed_flow(watched, images, unknown, torch.Generator().manual_seed(0), "heun")
    for k in range(N_STEPS):
        t = k / N_STEPS
        variance = (1 - t) ** 2 + (t * SPREADS[1].item()) ** 2
        for x in seen[t][-4:]:
            assert x.var().item() == pytest.approx(variance, rel=0.04)
            assert x.mean().item() == pytest.approx(t * MEAN[1].item(), abs=0.04)


@pytest.mark.parametrize("method", ["euler", "heun", "midpoint"])
def test_defaults_come_most_of_the_way_to_the_conditional_mean(method, filled_pairs):
    mean, variance = conditional(0.8)
    filled = filled_pairs(0.8, method=method)
    assert abs(filled.mean().item() - mean) < 0.4 * abs(MEAN[1].item() - mean)
    assert filled.var().item() == pytest.approx(variance, rel=0.35)


@pytest.mark.parametrize(
    ("n_phases", "shape"), [(2, (12, 12)), (3, (12, 12)), (2, (8, 8, 6)), (2, (10, 6))]
)
def test_known_voxels_stay(n_phases, shape):
    X = blobs(shape=shape, n_phases=n_phases)
    generator = fitted(X)
    mask = holes(X.shape)
    filled = generator.inpaint(X, mask, random_state=0)
    assert filled.dtype == X.dtype
    np.testing.assert_array_equal(filled[~mask], X[~mask])
    assert (filled[mask] != X[mask]).mean() > 0.1
    assert set(np.unique(filled)) <= set(range(n_phases))


def test_known_grey_levels_stay_bit_for_bit():
    rng = np.random.default_rng(0)
    X = 3.0 + rng.random((6, 12, 12))
    generator = fitted(X, conditions=(), periodic=False)
    mask = holes(X.shape)
    filled = generator.inpaint(X, mask, random_state=0)
    assert filled.dtype == np.float64
    np.testing.assert_array_equal(filled[~mask], X[~mask])
    assert (filled[mask] != X[mask]).mean() > 0.9
    assert filled.min() >= X.min()
    assert filled.max() <= X.max()


@pytest.mark.parametrize("trained_on", [np.uint8, np.int64])
def test_type_holds_both_and_layout_is_that_of_the_images(trained_on):
    X = blobs(4)
    generator, mask = fitted(X.astype(trained_on)), holes(X.shape)
    expected = generator.inpaint(X, mask, random_state=0)
    for dtype in (bool, np.uint8, np.int32, np.float32):
        with case(dtype):
            again = generator.inpaint(X.astype(dtype), mask, random_state=0)
            assert again.dtype == np.result_type(dtype, trained_on)
            np.testing.assert_array_equal(again, expected)
    flat = generator.inpaint(X.reshape(4, -1), mask.reshape(4, -1), random_state=0)
    assert flat.dtype == np.result_type(X.dtype, trained_on)
    np.testing.assert_array_equal(flat, expected.reshape(4, -1))
    tensor = generator.inpaint(torch.tensor(X), mask, random_state=0)
    np.testing.assert_array_equal(tensor, expected)


def test_one_mask_for_all_flat_rows():
    X, mask, generator = blobs(4), holes((12, 12)), fitted()
    expected = generator.inpaint(X, mask, random_state=0).reshape(4, -1)
    for read in (mask.ravel(), mask, np.tile(mask, (4, 1, 1))):
        found = generator.inpaint(X.reshape(4, -1), read, random_state=0)
        np.testing.assert_array_equal(found, expected)


def test_labels_that_the_images_do_not_hold_are_filled_in():
    """Of 0 and 300 the known voxels show 0 alone, in a type that ends at 255."""
    generator, mask = fitted(300 * blobs(4)), np.zeros((12, 12), bool)
    mask[3:] = True
    filled = generator.inpaint(np.zeros((4, 12, 12), np.uint8), mask, random_state=0)
    assert set(np.unique(filled)) == {0, 300}
    assert not filled[:, :3].any()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_grey_levels_are_filled_in_as_finely_as_they_were_learned(dtype):
    rng = np.random.default_rng(0)
    learned = 3.0 + rng.random((6, 12, 12))
    generator = fitted(learned, conditions=(), periodic=False)
    X, mask = rng.integers(3, 5, (6, 12, 12)).astype(dtype), holes((6, 12, 12))
    filled = generator.inpaint(X, mask, random_state=0)
    np.testing.assert_array_equal(filled[~mask], X[~mask])
    assert (filled[mask] != np.rint(filled[mask])).mean() > 0.5


def test_what_is_behind_the_mask_does_not_matter():
    X = blobs(5)
    generator, mask = fitted(), holes(X.shape)
    damaged = np.where(mask, 1 - X, X)
    np.testing.assert_array_equal(
        generator.inpaint(damaged, mask, random_state=0),
        generator.inpaint(X, mask, random_state=0),
    )


def test_damaged_voxels_may_hold_anything():
    X = blobs(4)
    generator, mask = fitted(), holes(X.shape)
    expected = generator.inpaint(X, mask, random_state=0)
    for damage in (np.nan, np.inf, -1e300, 7.0, 0.5):
        with case(damage):
            damaged = np.where(mask, damage, X)
            before = damaged.copy()
            found = generator.inpaint(damaged, mask, random_state=0)
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(damaged, before)
    for label in (-1, 255, 10**9):
        with case(label):
            damaged = np.where(mask, label, X)
            found = generator.inpaint(damaged, damaged == label, random_state=0)
            np.testing.assert_array_equal(found, expected)


def test_damaged_grey_levels_may_be_anything():
    X = 3.0 + np.random.default_rng(0).random((4, 12, 12))
    generator, mask = fitted(X, conditions=(), periodic=False), holes(X.shape)
    expected = generator.inpaint(X, mask, random_state=0)
    for damage in (np.nan, 1e300, -5.0):
        with case(damage):
            found = generator.inpaint(np.where(mask, damage, X), mask, random_state=0)
            np.testing.assert_array_equal(found, expected)
    for known, message in (
        (np.nan, f"mask must be true where .* got False for {np.count_nonzero(~mask)}"),
        (1e300, "X must hold grey levels of at most"),
    ):
        with case(known), pytest.raises(ValueError, match=message):
            generator.inpaint(np.where(mask, X, known), mask)


def test_one_mask_for_all_images():
    X = blobs(5)
    generator, mask = fitted(), holes((12, 12))
    np.testing.assert_array_equal(
        generator.inpaint(X, mask, random_state=0),
        generator.inpaint(X, np.repeat(mask[None], 5, axis=0), random_state=0),
    )


def test_nothing_to_fill_and_everything():
    X = blobs(4)
    generator = fitted()
    np.testing.assert_array_equal(generator.inpaint(X, np.zeros((12, 12), bool)), X)
    nothing = generator.inpaint(X.astype(np.uint8), np.zeros(X.shape, bool), p1=0.5)
    np.testing.assert_array_equal(nothing, X)
    everything = np.ones((12, 12), bool)
    filled = generator.inpaint(X, everything, random_state=0)
    np.testing.assert_array_equal(filled, generator.inpaint(1 - X, everything, random_state=0))
    assert 0 < filled.mean() < 1


@pytest.mark.parametrize(("method", "n_stages"), [("euler", 1), ("midpoint", 2)])
@pytest.mark.parametrize(("targets", "n_fillings"), [({}, 2), ({"p1": 0.5}, 1)])
def test_first_step_is_not_repeated(method, n_stages, targets, n_fillings, monkeypatch):
    """At time 0 all voxels are noise, the known ones as well."""
    monkeypatch.setattr(_inpainting, "N_STEPS", 4)
    monkeypatch.setattr(_inpainting, "N_ROUNDS", 3)
    generator, times = fitted(method=method), []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: times.append(inputs[1]))
    generator.inpaint(blobs(1), holes((12, 12)), random_state=0, **targets)
    assert len(times) == n_fillings * n_stages * (1 + 3 * 3)
    starts = [float(t[0]) for t in times[::n_stages]]
    assert starts == n_fillings * [0.0, *np.repeat([0.25, 0.5, 0.75], 3)]
    times.clear()
    generator.inpaint(blobs(1), np.zeros((12, 12), bool), **targets)
    assert not times


def test_seed_decides_and_first_images_do_not_depend_on_how_many_follow():
    X = blobs(6)
    generator, mask = fitted(), holes(X.shape)
    many = generator.inpaint(X, mask, random_state=3)
    np.testing.assert_array_equal(many, generator.inpaint(X, mask, random_state=3))
    for n in (1, 5):
        part = generator.inpaint(X[:n], mask[:n], random_state=3)
        np.testing.assert_array_equal(part, many[:n])
    assert not np.array_equal(many, generator.inpaint(X, mask, random_state=4))
    first, second = (generator.inpaint(X[:2], mask[:2]) for _ in range(2))
    assert not np.array_equal(first, second)


def test_equal_images_are_filled_differently():
    X = np.repeat(blobs(1), 4, axis=0)
    filled = fitted().inpaint(X, np.ones((12, 12), bool), random_state=0, p1=0.5)
    assert len(np.unique(filled.reshape(4, -1), axis=0)) == 4


class FractionNetwork(torch.nn.Module):
    """The velocity straight to grey images that are everywhere twice their condition, less 1."""

    def __init__(self, image_shape, periodic=True, asked=None):
        super().__init__()
        self.image_shape, self.periodic, self.coarseness = image_shape, periodic, 4
        self.n_latent = int(np.prod(image_shape))
        self.asked = [] if asked is None else asked
        self.weight = torch.nn.Parameter(torch.zeros(()), requires_grad=False)

    def resized(self, image_shape, periodic):
        return FractionNetwork(image_shape, periodic, self.asked)

    def forward(self, x, t, conditions):
        self.asked.append(conditions)
        level = (2 * conditions - 1).view(-1, 1, 1, 1)
        return (level - x) / (1 - t).clamp_min(1e-3).view(-1, 1, 1, 1)


def levelled():
    """A generator of images that fill up with what their condition says."""
    generator = fitted(blobs(shape=(16, 16)))
    generator.generator_ = FractionNetwork((16, 16))
    return generator


def test_target_is_that_of_the_whole_image():
    generator, X, mask = levelled(), blobs(3, (24, 20)), holes((24, 20))
    with pytest.warns(ExtrapolationWarning, match="target p1 lies outside the training images"):
        generator.inpaint(X, mask, p1=[0.1, 0.5, 0.9], random_state=0)
    seen = generator.generator_.asked
    assert all(torch.equal(rows[:3, 0], torch.tensor([0.1, 0.5, 0.9])) for rows in seen)
    once = len(seen)
    seen.clear()
    generator.inpaint(X, mask, random_state=0)
    assert len(seen) == 2 * once  # a first filling tells the conditions of the second one


def test_without_targets_conditions_are_those_of_a_first_filling():
    """The mean of the training images fills the holes; the whole image tells the rest."""
    generator, mask = levelled(), np.zeros((16, 16), bool)
    mask[:4] = True
    X = np.zeros((2, 16, 16), np.int64)
    X[1, 4:] = 1
    generator.inpaint(X, mask, random_state=0)
    seen = generator.generator_.asked
    mean = generator.conditions_.rows.mean()
    torch.testing.assert_close(seen[0][:2], torch.full((2, 1), float(mean)))
    fill = float(mean > 0.5)  # images of one level are of one phase
    expected = torch.tensor([[0.25 * fill], [0.75 + 0.25 * fill]])
    torch.testing.assert_close(seen[-1][:2], expected)


def test_conditions_that_are_given_stay_and_others_are_found():
    X, mask = blobs(3), holes((12, 12))
    generator = fitted(conditions=("p1", "specific_surface"))
    seen = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2][:3]))
    generator.inpaint(X, mask, p1=0.45, random_state=0)
    assert all((rows[:, 0] == np.float32(0.45)).all() for rows in seen)
    mean = float(generator.conditions_.rows[:, 1].mean())
    torch.testing.assert_close(seen[0][:, 1], torch.full((3,), mean))
    assert (seen[-1][:, 1] - mean).abs().min() > 1e-4
    assert len(seen[-1][:, 1].unique()) > 1


@pytest.mark.parametrize("targets", [{}, {"p1": 0.5}])
def test_curves_of_another_length_stay_and_p1_is_found(targets):
    """In larger images p2 has more lags than the network knows."""
    X, mask = blobs(3, (20, 24)), holes((20, 24))
    generator = fitted(conditions=("p1", "p2"))
    seen = []
    generator.generator_.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2][:3]))
    filled = generator.inpaint(X, mask, random_state=0, **targets)
    mean = torch.tensor(generator.conditions_.rows.mean(axis=0, dtype=np.float64)).float()
    assert all(torch.equal(rows[:, 1:], mean[1:].expand(3, -1)) for rows in seen)
    n_evaluations = 1 + 2
    if targets:
        assert len(seen) == n_evaluations  # nothing is left to be found by a second filling
        assert all((rows[:, 0] == 0.5).all() for rows in seen)
    else:
        assert len(seen) == 2 * n_evaluations
        known = [x[~mask].sum() / x.size for x in X]
        found = seen[-1][:, 0].numpy()
        assert (np.abs(found - mean[0].numpy()) > 1e-4).all()
        assert ((known <= found) & (found <= known + mask.mean())).all()
    np.testing.assert_array_equal(filled[:, ~mask], X[:, ~mask])


def test_missed_and_unseen_targets_are_warned_of():
    X, mask = blobs(4), np.zeros((12, 12), bool)
    mask[5, 5:8] = True
    X[:, :6] = 0  # half of the voxels are known to be of the other phase
    generator = fitted()
    message = "4 of 4 samples miss their target p1 by more than target_tol=0.01"
    with pytest.warns(TargetWarning, match=message):
        filled = generator.inpaint(X, mask, p1=0.6, random_state=0)
    missed = np.abs(VolumeFraction().fit_transform(filled) - 0.6)
    assert missed.min() > 0.01
    high = float(generator.conditions_.ranges["p1"][1][0])
    with pytest.warns(ExtrapolationWarning, match=f"component 0 is 0.9, they cover .* {high:.4g}"):
        generator.inpaint(X, mask, p1=0.9, random_state=0)


def test_p1_of_the_filling_follows_its_target():
    rng = np.random.default_rng(0)
    noise = np.cumsum(rng.standard_normal((64, 8, 8)), axis=1)
    p1 = np.where(rng.random(64) < 0.5, 0.2, 0.8)
    X = np.stack([field > np.quantile(field, 1 - p) for field, p in zip(noise, p1, strict=True)])
    settings = {"n_iter": 80, "width": 8, "batch_size": 16, "learning_rate": 3e-3}
    generator = FlowMatchingGenerator(**TINY | settings).fit(X)
    mask = np.zeros((8, 8), bool)
    mask[:, 2:] = True
    low, high = (
        generator.inpaint(X[:16], mask, p1=p, random_state=1)[:, :, 2:].mean() for p in (0.21, 0.79)
    )
    assert low < 0.4 < 0.6 < high


def test_two_tiles_are_joined_by_a_larger_image():
    X = blobs(2, (12, 12))
    wide = np.concatenate([X[:1], np.zeros((1, 12, 8), X.dtype), X[1:]], axis=2)
    mask = np.zeros(wide.shape[1:], bool)
    mask[:, 12:20] = True
    generator = fitted()
    filled = generator.inpaint(wide, mask, random_state=0, periodic=False)
    assert filled.shape == (1, 12, 32)
    np.testing.assert_array_equal(filled[..., :12], X[:1])
    np.testing.assert_array_equal(filled[..., 20:], X[1:])
    assert 0 < filled[..., 12:20].mean() < 1
    wrapped = generator.inpaint(wide, mask, random_state=0)
    np.testing.assert_array_equal(wrapped[:, ~mask], filled[:, ~mask])
    assert not np.array_equal(wrapped, filled)
    assert generator.image_shape_ == (12, 12)


def test_odd_sizes():
    X = blobs(3, (13, 9))
    mask = holes((13, 9))
    generator = fitted()
    filled = generator.inpaint(X, mask, random_state=0, periodic=False)
    np.testing.assert_array_equal(filled[:, ~mask], X[:, ~mask])
    wrapped = generator.inpaint(X, mask, random_state=0)
    np.testing.assert_array_equal(wrapped[:, ~mask], X[:, ~mask])
    assert not np.array_equal(wrapped, filled)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((12, 12)), TypeError, "mask must be boolean, got an array of type float64"),
        (np.ones((12, 12), int), TypeError, "mask must be boolean, got an array of type int64"),
        (
            np.ones((12, 11), bool),
            ValueError,
            r"mask must have shape \(8, 12, 12\) or \(12, 12\), got \(12, 11\)",
        ),
        (np.ones((7, 12, 12), bool), ValueError, r"got \(7, 12, 12\)"),
        (np.ones(144, bool), ValueError, r"got \(144,\)"),
    ],
)
def test_masks(mask, error, message):
    with pytest.raises(error, match=message):
        fitted().inpaint(blobs(), mask)


def test_unknown_voxels_are_the_mask():
    generator, X, mask = fitted(), blobs(2), holes((12, 12))
    expected = generator.inpaint(X, mask, random_state=0)
    both = np.broadcast_to(mask, X.shape)
    for unknown in (np.ma.masked_array(X, both), np.where(mask, np.nan, X)):
        filled = generator.inpaint(unknown, random_state=0)
        assert not isinstance(filled, np.ma.MaskedArray)
        np.testing.assert_array_equal(filled, expected)
        np.testing.assert_array_equal(generator.inpaint(unknown, mask, random_state=0), expected)
    with pytest.raises(ValueError, match="mask must mark the region to fill"):
        generator.inpaint(X)
    with pytest.raises(ValueError, match="mask must be true where voxels of X are masked"):
        generator.inpaint(np.ma.masked_array(X, both), ~mask)


def test_bad_images_and_targets():
    generator, X, mask = fitted(), blobs(), holes((12, 12))
    with pytest.raises(ValueError, match=r"only the phases \[0, 1\] seen in fit, got \[7\]"):
        generator.inpaint(7 * X, mask)
    with pytest.raises(ValueError, match=r"conditions, \['p1'\], got 'specific_surface'"):
        generator.inpaint(X, mask, specific_surface=0.3)
    with pytest.raises(ValueError, match=r"target p1 must lie in \[0, 1\], got 1.5"):
        generator.inpaint(X, mask, p1=1.5)
    with pytest.raises(ValueError, match="must hold 2 integers"):
        generator.inpaint(blobs(2, (8, 8, 8)), holes((8, 8, 8)))
    with pytest.raises(ValueError, match=r"mask must be true where .* masked or NaN, got False"):
        generator.inpaint(np.where(mask, X, np.nan), mask)
    with pytest.raises(ValueError, match=r"only the phases \[0, 1\] seen in fit, got \[9\]"):
        generator.inpaint(np.where(mask, X, 9), mask)
    with pytest.raises(TypeError, match="X must hold numbers"):
        generator.inpaint(X.astype(str), mask)


def test_settings_of_sampling_count():
    X, mask = blobs(4), holes((12, 12))
    generator = fitted(p_drop=0.1)
    filled = generator.inpaint(X, mask, random_state=0)
    guided = generator.set_params(guidance=4.0).inpaint(X, mask, random_state=0)
    assert not np.array_equal(filled, guided)


def test_large_images_are_filled_in_windows(monkeypatch):
    """A network without neighbours gives the same in windows."""
    X, mask = blobs(1, (40, 30)), holes((40, 30))
    generator = levelled()
    whole = generator.inpaint(X, mask, random_state=0, p1=0.3)
    n_whole = len(generator.generator_.asked)
    monkeypatch.setattr(_windows.in_windows, "__defaults__", (300, 4, "__call__"))
    generator.generator_.asked.clear()
    np.testing.assert_array_equal(generator.inpaint(X, mask, random_state=0, p1=0.3), whole)
    assert len(generator.generator_.asked) == 4 * 3 * n_whole  # windows of 17 voxels, 13 apart
