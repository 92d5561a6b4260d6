"""Isotropy loss: zero where directions are alike, brute force where they are not."""

from itertools import product

import numpy as np
import pytest
import torch

from skmicro.descriptors import TwoPointCorrelation
from skmicro.images import PhaseEncoder
from skmicro.losses import IsotropyLoss


def isotropy(shape, weight=1.0, **options):
    correlation = TwoPointCorrelation(output="map", **options)
    return IsotropyLoss(correlation._bind(PhaseEncoder(np.arange(2), np.int64), shape), weight)


def probabilities(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=rng, dtype=torch.float64)


def channels(last):
    return torch.stack([1.0 - last, last], dim=1)


def closure(image):
    """All rotations and reflections of a square or a cube."""
    axes = range(image.ndim)
    orders = {2: [(0, 1), (1, 0)], 3: [(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0),
                                       (1, 0, 2)]}[image.ndim]  # fmt: skip
    return torch.stack(
        [
            image.permute(order).flip(
                [axis for axis, flip in zip(axes, flips, strict=True) if flip]
            )
            for order in orders
            for flips in product((False, True), repeat=image.ndim)
        ]
    )


def stripes(n=1, side=8):
    return channels((torch.arange(side) % 4 < 2).double().expand(n, side, side))


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize(("shape", "n"), [((8, 8), 8), ((4, 4, 4), 48)])
def test_an_image_in_all_its_orientations_has_no_direction(shape, n, periodic):
    """No two lags within these sizes are equally long without a symmetry between them."""
    images = closure(probabilities(*shape))
    assert len(images) == n
    loss = isotropy(shape, periodic=periodic, max_lag=shape[0] // 2)
    single = loss(channels(images[:1]), None).item()
    assert loss(channels(images), None).item() < 1e-25
    assert single > 1e-8


def test_opposite_directions_are_always_alike():
    """S2(r) = S2(-r): reversal of an image changes nothing, reversal of one axis does."""
    image, loss = probabilities(1, 8, 8), isotropy((8, 8))
    reversed_image = loss(channels(torch.cat([image, image.flip((1, 2))])), None)
    torch.testing.assert_close(reversed_image, loss(channels(image), None))
    assert loss(channels(torch.cat([image, image.flip(1)])), None) < reversed_image


def test_stripes_have_a_direction():
    loss = isotropy((8, 8))
    one = loss(stripes(), None)
    assert one.item() > 0.01
    crossed = torch.cat([stripes(), stripes().transpose(2, 3)])
    assert loss(crossed, None).item() < 1e-25
    torch.testing.assert_close(loss(stripes(5), None), one)


def test_uniform_images_have_no_direction():
    assert isotropy((6, 5))(channels(torch.full((2, 6, 5), 0.3).double()), None).item() < 1e-30


@pytest.mark.parametrize(
    ("shape", "periodic"), [((4, 4), True), ((4, 4), False), ((4, 6), True), ((2, 3, 4), True)]
)
def test_the_loss_by_brute_force(shape, periodic):
    fields = probabilities(3, *shape)
    loss = isotropy(shape, 7.0, periodic=periodic)
    ranges = []
    for side in shape:
        low = -(side // 2)
        ranges.append(range(low, side + low) if periodic else range(low, side // 2 + 1))
    groups = {}
    for lag in product(*ranges):
        pairs = []
        for field in fields.numpy():
            for voxel in np.ndindex(shape):
                other = tuple(x + step for x, step in zip(voxel, lag, strict=True))
                if periodic:
                    other = tuple(x % side for x, side in zip(other, shape, strict=True))
                elif not all(0 <= x < side for x, side in zip(other, shape, strict=True)):
                    continue
                centre = lag == (0,) * len(shape)
                pairs.append(field[voxel] * (field[voxel] if centre else field[other]))
        groups.setdefault(sum(step**2 for step in lag), []).append(np.mean(pairs))
    spread = [np.square(np.array(values) - np.mean(values)).sum() for values in groups.values()]
    n_lags = sum(len(values) for values in groups.values())
    expected = 7.0 * sum(spread) / n_lags
    assert expected > 1e-6
    assert loss(channels(fields), None).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 2)])
def test_gradient(shape):
    loss = isotropy(shape)
    logits = probabilities(2, *shape).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: 100.0 * loss(channels(x.sigmoid()), None), logits)


def test_descent_makes_stripes_isotropic():
    loss = isotropy((8, 8))
    start = (stripes(2)[:, 1] - 0.5) * 2.0 + 0.1 * probabilities(2, 8, 8)
    logits = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    values = []
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(channels(logits.sigmoid()), None)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.02 * values[0]
