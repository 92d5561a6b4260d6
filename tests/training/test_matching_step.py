"""Training of a flow: what it converges to, dropped conditions, random windows."""

import numpy as np
import pytest
import torch
from torch import nn

from skmicro.images import encoder_for
from skmicro.training import Batch, CropBatches, matching_step, random_crops
from skmicro.training.fingerprint import digest
from skmicro.training.matching import drop_conditions


def settings(**others):
    return {"learning_rate": 0.02, "rng": torch.Generator().manual_seed(0)} | others


class ScaledVelocity(nn.Module):
    """A multiple of the exact velocity of data that are normal with the condition as mean."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.zeros(()))

    def forward(self, x, t, conditions):
        t, mean = t.view(-1, 1, 1, 1), conditions.view(-1, 1, 1, 1)
        slope = (2 * t - 1) / ((1 - t) ** 2 + t**2)
        return self.factor * (mean + slope * (x - t * mean))


class NormalBatches:
    def __init__(self):
        self.rng = torch.Generator().manual_seed(1)

    def __next__(self):
        means = torch.randn(64, 1, generator=self.rng)
        noise = torch.randn(64, 1, 4, 4, generator=self.rng)
        return Batch(means.view(-1, 1, 1, 1) + noise, means)


def test_training_converges_to_the_exact_velocity():
    model = ScaledVelocity()
    step = matching_step(
        model, lambda images: images, [1], **settings(average_decay=0.9, decay_from=0.5)
    )
    batches = NormalBatches()
    for k in range(200):
        loss = step(batches, k / 200)["matching"]
    assert torch.isfinite(loss)
    kept = step.finish(batches)["generator"]
    assert kept.factor.item() == pytest.approx(1.0, abs=0.03)
    assert kept.factor.item() != model.factor.item()


def test_gradients_are_clipped():
    model = ScaledVelocity()
    step = matching_step(model, lambda images: 100 * images, [1], **settings())
    step(NormalBatches())
    assert model.factor.grad.abs().item() == pytest.approx(1.0, rel=1e-4)


def test_conditions_are_dropped_whole_alone_and_together():
    rng = torch.Generator().manual_seed(0)
    gone = drop_conditions(torch.zeros(40_000, 4), [1, 3], 0.2, rng).isnan()
    assert torch.equal(gone[:, 1:2].expand(-1, 3), gone[:, 1:])
    rates = gone.double().mean(dim=0)
    assert rates[0].item() == pytest.approx(1 - 0.8**2, abs=0.01)
    both = (gone[:, 0] & gone[:, 1]).double().mean().item()
    assert both == pytest.approx(0.2 + 0.8 * 0.2**2, abs=0.01)
    assert drop_conditions(torch.zeros(3, 0), [], 0.2, rng).shape == (3, 0)


def test_nothing_is_dropped_unless_asked_for():
    rng = torch.Generator().manual_seed(0)
    state = rng.get_state()
    conditions = torch.rand(1000, 4)
    assert torch.equal(drop_conditions(conditions, [1, 3], 0.0, rng), conditions)
    assert torch.equal(rng.get_state(), state)


def test_the_network_learns_without_conditions_that_are_dropped():
    seen = []

    class Seen(ScaledVelocity):
        def forward(self, x, t, conditions):
            seen.append(conditions.isnan())
            return super().forward(x, t, conditions.nan_to_num())

    matching_step(Seen(), lambda x: x, [1], **settings(p_drop=0.5))(NormalBatches())
    rng = torch.Generator().manual_seed(0)
    assert torch.equal(seen[0], drop_conditions(torch.zeros(64, 1), [1], 0.5, rng).isnan())
    assert 0.5 < seen[0].double().mean() < 0.95


@pytest.mark.parametrize("share", [0.0, 0.75])
def test_anchor_draws_weights_back_by_its_rate_times_the_learning_rate(share):
    """One step of two trainings on the same batch, with and without the anchor."""
    start, anchor, models = 0.3, 5.0, []
    for a in (0.0, anchor):
        models.append(ScaledVelocity())
        with torch.no_grad():
            models[-1].factor.fill_(start)
        step = matching_step(
            models[-1], lambda images: images, [1], **settings(anchor=a, decay_from=0.5)
        )
        step(NormalBatches(), share)
    free, drawn = (model.factor.item() for model in models)
    rate = 0.02 if share == 0.0 else 0.01
    assert free == pytest.approx(start + rate, rel=1e-4)  # Adam's first step is its rate
    assert drawn == pytest.approx(free + anchor * rate * (start - free), rel=1e-6)


def test_anchored_training_stays_near_its_start():
    ends = []
    for anchor in (0.0, 10.0, 40.0):
        model = ScaledVelocity()
        step = matching_step(model, lambda images: images, [1], **settings(anchor=anchor))
        batches = NormalBatches()
        for _ in range(100):
            step(batches)
        ends.append(model.factor.item())
    assert ends[0] > 0.9
    assert ends[0] > 1.5 * ends[1] > 3 * ends[2] > 0


def test_images_are_moved_and_encoded_before_they_are_learned():
    """Moves and encoding reach the loss: of twice the images, the ends are twice as far."""
    ends = []

    class Seen(ScaledVelocity):
        def forward(self, x, t, conditions):
            ends.append(x.detach())
            return super().forward(x, t, conditions)

    for encode, augment in ((lambda x: 2 * x, None), (lambda x: x, lambda x, rng: 2 * x)):
        matching_step(Seen(), encode, [1], **settings(augment=augment))(NormalBatches())
    assert torch.equal(*ends)
    matching_step(Seen(), lambda x: x, [1], **settings())(NormalBatches())
    assert (ends[2] - ends[0]).abs().max() > 0.1


@pytest.mark.parametrize("sides", [(7, 9), (5, 6, 4)])
def test_crops_are_windows_at_all_places(sides):
    images = np.arange(2 * np.prod(sides)).reshape(2, *sides)
    shape = (3,) * len(sides)
    index = torch.arange(400) % 2
    crops = random_crops(images, index, shape, torch.Generator().manual_seed(0))
    corners = np.stack(np.unravel_index(crops.reshape(400, -1)[:, 0], images.shape), axis=1)
    assert (corners[:, 0] == index.numpy()).all()
    for corner, crop in zip(corners, crops, strict=True):
        window = tuple(slice(low, low + 3) for low in corner[1:])
        np.testing.assert_array_equal(crop, images[(corner[0], *window)])
    for axis, side in enumerate(sides, start=1):
        assert set(corners[:, axis]) == set(range(side - 2))


def crop_batches(images, variables, describe, **others):
    settings = {"batch_size": 5, "seed": 0, "device": "cpu", "dtype": torch.float32} | others
    return CropBatches(images, encoder_for(images), variables, describe, (4, 6), **settings)


def test_crops_see_the_border_as_often_as_the_inside():
    images = np.zeros((1, 20, 15))
    images[:, :5] = 1.0  # a strip along a border, of the width of a window
    crops = random_crops(
        images, torch.zeros(40_000, dtype=torch.int64), (5, 5), torch.Generator().manual_seed(0)
    )
    means = crops.mean(axis=(1, 2))
    assert means.mean() == pytest.approx(images.mean(), abs=4 * means.std() / 200)
    corners = (crops == 1).all(axis=(1, 2)).mean()
    assert corners == pytest.approx(3 / 20, abs=0.01)


def test_crop_batches_describe_their_windows_and_resume():
    images = (np.random.default_rng(0).random((1, 12, 12)) < 0.4).astype(np.uint8)

    def made():
        return crop_batches(
            images, np.zeros((1, 0)), lambda windows, _: windows.mean(axis=(1, 2))[:, None]
        )

    batches = made()
    batch = next(batches)
    assert batch.images.shape == (5, 2, 4, 6)
    measured = batch.images[:, 1].mean(dim=(1, 2))
    torch.testing.assert_close(measured, batch.conditions[:, 0])
    state, expected = batches.state_dict(), next(batches)
    resumed = made()
    resumed.load_state_dict(state)
    assert torch.equal(next(resumed).images, expected.images)
    assert not torch.equal(batch.images, expected.images)


def test_crops_of_images_with_unknown_voxels():
    """Each place of a known window is drawn as often as without a mask, relative to the others."""
    rng, index = torch.Generator().manual_seed(0), torch.zeros(60_000, dtype=torch.int64)
    numbers = np.arange(120.0).reshape(1, 10, 12)
    mask = np.zeros(numbers.shape, bool)
    mask[0, 4, 5] = mask[0, 9, 0] = True
    plain = random_crops(numbers, index, (3, 3), rng)
    crops = random_crops(np.ma.masked_array(numbers, mask), index, (3, 3), rng)
    assert not isinstance(crops, np.ma.MaskedArray)
    assert not np.isin(crops, numbers[mask]).any()
    windows = ~np.isin(plain, numbers[mask]).any(axis=(1, 2))
    expected = np.bincount(plain[windows, 0, 0].astype(int), minlength=120) / windows.sum()
    found = np.bincount(crops[:, 0, 0].astype(int), minlength=120) / len(crops)
    assert set(np.flatnonzero(found)) == set(np.flatnonzero(expected))
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_the_mask_belongs_to_what_a_training_is_of():
    images = np.zeros((1, 4, 4), np.uint8)
    masks = [np.arange(16).reshape(images.shape) == k for k in (3, 4)]
    marks = [digest(np.ma.masked_array(images, mask)) for mask in masks]
    assert len({digest(images), *marks}) == 3


def test_windows_take_variables_over_from_their_images():
    """Image k holds the label k alone, and its variables are (k, 10 k)."""
    images = np.broadcast_to(np.arange(3)[:, None, None], (3, 9, 9)).astype(np.uint8)
    variables = np.arange(3)[:, None] * np.array([1.0, 10.0])
    batches = crop_batches(images, variables, lambda _, variables: variables, batch_size=32)
    batch = next(batches)
    labels = batch.images.argmax(dim=1)[:, 0, 0].float()
    assert set(labels.tolist()) == {0.0, 1.0, 2.0}
    assert torch.equal(batch.conditions, torch.stack([labels, 10 * labels], dim=1))
