"""Images as the critic of the 3-D WGAN sees them, and a penalty of their volume fractions.

Of two phases the second alone is shown, of more each. Real images are standardised (Henkes &
Wessels 2022, Sec. 3.4): a channel of mean m and standard deviation s is shown as (x - m) / s, and
generated images likewise. The penalty (Appendix B) compares real and generated images in pairs,

    L = weight * E |p(x) - p(G(z))|^2,

so that it draws each fraction to the mean of the real ones, and their spread to zero.
"""

from collections.abc import Sequence

import torch


def seen_channels(images):
    """Return the channels (n, C, *S) without redundancy: of two phases the second only."""
    return images[:, 1:] if images.shape[1] == 2 else images


class StandardView:
    """Channels less their mean, over their standard deviation.

    Parameters
    ----------
    mean, std : sequence of float
        Of every channel of real images; a deviation of 0 counts as 1.
    """

    def __init__(self, mean: Sequence, std: Sequence):
        self.mean = torch.as_tensor(mean, dtype=torch.float64)
        self.std = torch.as_tensor([value or 1.0 for value in std], dtype=torch.float64)

    def __call__(self, images, batch):
        """Return what the critic sees of images (n, C, *S)."""
        shape = (1, -1, *[1] * (images.ndim - 2))
        mean, std = (values.to(images).view(shape) for values in (self.mean, self.std))
        return seen_channels((images - mean) / std)


class FractionPenalty:
    """Squared difference of the volume fractions of real and generated images, in pairs.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of the loss.
    """

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, images, batch):
        """Return the penalty of generated images (n, C, *S) and of the real ones of a batch."""
        generated, real = (seen_channels(x).flatten(2).mean(dim=2) for x in (images, batch.images))
        return self.weight * (generated - real).square().sum(dim=1).mean()
