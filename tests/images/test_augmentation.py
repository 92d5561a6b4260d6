"""Random operations on images: what they keep, how they are spread, that gradients pass."""

from itertools import permutations, product

import pytest
import torch

from skmicro.images import Move, NormalTranslations, Symmetries, point_symmetries


def rng():
    return torch.Generator().manual_seed(0)


def shifts_of(images, moved):
    """Shifts along the axes of images that hold the numbers of their voxels."""
    places = moved.flatten(1).argmin(dim=1)
    return torch.stack(torch.unravel_index(places, images.shape[2:]), dim=1)


@pytest.mark.parametrize("shape", [(8, 12), (4, 6, 8)])
def test_every_image_is_rolled_by_itself(shape):
    images = torch.arange(float(torch.Size(shape).numel())).expand(50, 1, -1).view(50, 1, *shape)
    moved = NormalTranslations()(images, rng())
    shifts = shifts_of(images, moved)
    assert len(shifts.unique(dim=0)) > 20
    axes = tuple(range(1, 1 + len(shape)))
    for image, result, shift in zip(images, moved, shifts.tolist(), strict=True):
        assert torch.equal(result, image.roll(shift, axes))


@pytest.mark.parametrize("name", ["translation", "reflection", "rotation"])
def test_groups_of_a_batch_have_moves_of_their_own(name):
    images = torch.arange(36.0).view(1, 1, 6, 6).expand(32, -1, -1, -1)
    moved = Symmetries([name], n_groups=16)(images, rng())
    pairs = moved.view(16, 2, 1, 6, 6)
    assert torch.equal(pairs[:, 0], pairs[:, 1])
    assert len(pairs[:, 0].unique(dim=0)) > 1


def test_channels_are_moved_together():
    images = torch.randn(20, 1, 6, 6, generator=rng())
    moved = NormalTranslations()(torch.cat([images, 2 * images], dim=1), rng())
    assert torch.equal(2 * moved[:, :1], moved[:, 1:])
    assert not torch.equal(moved[:, :1], images)


@pytest.mark.parametrize("spread", [0.1, 0.25])
def test_shifts_are_normal_with_a_spread_in_sides(spread):
    sides = (100, 40)
    images = torch.zeros(4000, 1, *sides, dtype=torch.int8)
    images[:, 0, 0, 0] = -1
    moved = torch.cat([NormalTranslations(spread)(part, rng_k) for part, rng_k in parts(images)])
    shifts = shifts_of(images, moved).double()
    for axis, side in enumerate(sides):
        signed = (shifts[:, axis] + side // 2) % side - side // 2
        inside = torch.distributions.Normal(0, spread * side).cdf(torch.tensor(0.1 * side + 0.5))
        share = (signed.abs() <= 0.1 * side).double().mean()
        assert share.item() == pytest.approx(2 * inside.item() - 1, abs=0.04)


def parts(images):
    return [(part, torch.Generator().manual_seed(k)) for k, part in enumerate(images.split(500))]


def test_gradients_of_any_order_pass():
    images = torch.randn(3, 2, 3, 4, generator=rng(), dtype=torch.float64).requires_grad_(True)

    def cubes(x):
        return NormalTranslations()(x, rng()).pow(3)

    assert torch.autograd.gradcheck(cubes, images)
    assert torch.autograd.gradgradcheck(cubes, images, fast_mode=True, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "n_moves"),
    [((6, 6), 8), ((4, 6), 4), ((3, 3, 3), 48), ((3, 4, 3), 16), ((2, 3, 4), 8)],
)
def test_point_symmetries_are_a_group_of_moves_that_keep_the_shape(shape, n_moves):
    images = torch.arange(float(torch.Size(shape).numel())).view(1, 1, *shape)
    moved = torch.cat([move(images) for move in point_symmetries(shape)])
    assert moved.shape == (n_moves, 1, *shape)
    assert torch.equal(moved[:1], images)
    known = {tuple(image.flatten().tolist()) for image in moved}
    assert len(known) == n_moves
    for move in point_symmetries(shape):
        assert {tuple(image.flatten().tolist()) for image in move(moved)} == known


def test_the_inverse_of_a_move_moves_images_back():
    images = torch.arange(2 * 3 * 4 * 5.0).view(2, 1, 3, 4, 5)
    for order in permutations(range(3)):
        for flips in product((False, True), repeat=3):
            move = Move(order, flips, (1, 2, 4))
            assert torch.equal(move.inverse(move(images)), images)
            assert torch.equal(move(move.inverse(images)), images)
