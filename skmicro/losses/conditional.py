"""How a critic learns what an image was to be: views and auxiliary losses.

A conditional GAN (Mirza & Osindero 2014) shows the critic the conditions r beside the
image; here as one constant channel for each component, in units of its spread. The GAN
of Stinis et al. 2018 shows the residual of the constraints instead, which is zero for
real images and L_I(x, r) of Eq. 8 of Joshi et al. 2020 for generated ones. The critic
of an auxiliary-classifier GAN (Odena et al. 2017) has to predict the conditions of an
image; continuous conditions make this a regression,

    L_A = weight * E |c(x) - r|^2,

of the critic on real images, and of the generator on its own.
"""

from collections.abc import Callable

import torch


class ConditionView:
    """Images with their standardised conditions as further, constant channels.

    Parameters
    ----------
    standardize : callable
        Conditions (n, k) to standardised ones.
    """

    def __init__(self, standardize: Callable):
        self.standardize = standardize

    def __call__(self, images, batch):
        """Return (n, C + k, *S) of images (n, C, *S)."""
        return _with_channels(images, self.standardize(batch.conditions))


class ResidualView:
    """Images with what they lack of their conditions as a further, constant channel.

    Parameters
    ----------
    loss : DescriptorLoss
        Its loss per image is the residual.
    measured : callable
        Channels to the images that are measured.
    """

    def __init__(self, loss, measured: Callable):
        self.loss = loss
        self.measured = measured

    def __call__(self, images, batch):
        """Return (n, C + 1, *S) of images (n, C, *S)."""
        residual = self.loss.per_image(self.measured(images), batch.conditions)
        return _with_channels(images, residual.unsqueeze(1))


class AttributeLoss:
    """Squared error of the conditions that a critic predicts from images.

    Parameters
    ----------
    standardize : callable
        Conditions (n, k) to standardised ones.
    weight : float, default=1.0
        Factor of the loss.
    """

    def __init__(self, standardize: Callable, weight: float = 1.0):
        self.standardize = standardize
        self.weight = weight

    def __call__(self, critic, images, batch):
        """Return the loss of images and the batch whose conditions they have."""
        error = critic.attributes(images) - self.standardize(batch.conditions)
        return self.weight * error.square().mean()


def _with_channels(images, values):
    maps = values.view(*values.shape, *[1] * (images.ndim - 2))
    return torch.cat([images, maps.expand(-1, -1, *images.shape[2:])], dim=1)
