"""What the critic of the 3-D WGAN sees, and the penalty of volume fractions."""

import pytest
import torch

from skmicro.losses import FractionPenalty, StandardView
from skmicro.training import Batch


def channels(n_channels, n=500, seed=0):
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, max(2, n_channels), (n, 5, 4), generator=rng)
    kinds = [1] if n_channels == 1 else range(n_channels)
    return torch.stack([(labels == kind).double() for kind in kinds], dim=1)


@pytest.mark.parametrize(("n_channels", "n_seen"), [(1, 1), (2, 1), (3, 3)])
def test_real_images_are_seen_with_mean_zero_and_spread_one(n_channels, n_seen):
    images = channels(n_channels)
    flat = images.transpose(0, 1).flatten(1)
    view = StandardView(flat.mean(dim=1).tolist(), flat.std(dim=1, correction=0).tolist())
    seen = view(images, None)
    assert seen.shape == (500, n_seen, 5, 4)
    torch.testing.assert_close(seen.mean(dim=(0, 2, 3)), torch.zeros(n_seen).double())
    torch.testing.assert_close(seen.square().mean(dim=(0, 2, 3)), torch.ones(n_seen).double())
    # Of two phases it is the second, and voxels of a phase have the larger value in its channel.
    assert ((seen > 0) == (images[:, -n_seen:] == 1)).all()


def test_a_channel_without_spread_stays_finite():
    images = torch.ones(2, 1, 3, 3)
    assert not StandardView([1.0], [0.0])(images, None).any()


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_the_penalty_compares_fractions_in_pairs(n_channels):
    real, fake = channels(n_channels, 4), channels(n_channels, 4, seed=1)
    batch = Batch(real, torch.zeros(4, 0))
    expected = 0.0
    for k in range(4):
        for channel in [1] if n_channels == 2 else range(n_channels):
            expected += (real[k, channel].mean() - fake[k, channel].mean()) ** 2 / 4
    torch.testing.assert_close(FractionPenalty(3.0)(fake, batch), 3.0 * expected)
    assert FractionPenalty()(real, batch) == 0.0
