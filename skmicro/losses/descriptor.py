"""Distance between the descriptors of generated images and their targets.

Singh et al. 2018, Eq. 4, and Joshi et al. 2020, Eq. 8: for descriptors I_j and
targets r_j,

    L_I = weight * E_z sum_j mean_k (I_j(G(z, r))_k - r_jk)^2.

The mean over the components k of one descriptor makes a curve of 33 values and a
single fraction weigh alike.

*Matching* compares means over a batch instead, in the spirit of the feature matching of
Salimans et al. 2016, and leaves the spread between images to the critic. With J(r) the
mean descriptors of the training images whose conditions are nearest to r, and modes
phi_m = 1, s, (s^2 - 1) / sqrt(2) of each standardised condition s,

    L_M = weight * mean_k sum_m (mean_b phi_m(r_b) (I(G(z_b, r_b))_k - J(r_b)_k))^2.

The modes make errors visible that change sign with the condition and cancel in the
plain mean.
"""

from collections.abc import Callable, Sequence

import torch

NEAR_SHARE = 0.04


def differentiable_features(descriptor, images):
    """Return the descriptors of images, (n, C, *S) -> (n, k), or raise if gradients are lost."""
    features = descriptor(images)
    if images.requires_grad and not features.requires_grad:
        raise ValueError(
            f"{type(descriptor).__name__}._describe must pass gradients on to its images, got a "
            "tensor without; a descriptor that has none says so by differentiable = False."
        )
    return features


class DescriptorLoss:
    """Squared error of descriptors against targets.

    Parameters
    ----------
    descriptors : sequence of BaseDescriptor
        Differentiable descriptors, in the order of the target columns.
    weight : float, default=1.0
        Factor of the loss.
    targets : Tensor of shape (n_components,) or None, default=None
        Targets of all images; ``None`` means the conditions of each image.
    """

    def __init__(
        self, descriptors: Sequence, weight: float = 1.0, targets: torch.Tensor | None = None
    ):
        self.descriptors = descriptors
        self.weight = weight
        self.targets = targets

    def per_image(self, images, targets):
        """Return the loss of every image, (n, C, *S), (n, k) -> (n,)."""
        start, total = 0, 0.0
        for descriptor in self.descriptors:
            features = differentiable_features(descriptor, images)
            wanted = targets[:, start : start + features.shape[1]]
            total = total + (features - wanted).square().mean(dim=1)
            start += features.shape[1]
        return self.weight * total

    def __call__(self, images, batch):
        """Return the mean loss of generated images and the batch they belong to."""
        targets = batch.conditions if self.targets is None else self.targets.expand(len(images), -1)
        return self.per_image(images, targets).mean()


class MomentLoss:
    """Squared moments of what is left between descriptors and their conditional mean.

    Parameters
    ----------
    descriptors : sequence of BaseDescriptor
        Differentiable descriptors.
    conditions : Tensor of shape (n_images, n_conditions)
        Standardised conditions of the training images.
    values : Tensor of shape (n_images, n_components)
        Descriptors of the training images.
    standardize : callable
        Conditions of a batch to standardised ones.
    weight : float, default=1.0
        Factor of the loss.
    """

    def __init__(
        self,
        descriptors: Sequence,
        conditions: torch.Tensor,
        values: torch.Tensor,
        standardize: Callable,
        weight: float = 1.0,
    ):
        self.descriptors = descriptors
        self.conditions = conditions
        self.values = values
        self.standardize = standardize
        self.weight = weight
        self.n_near = max(1, int(NEAR_SHARE * len(values)))

    def expected(self, conditions):
        """Return the mean values of the training images nearest in their conditions."""
        distance = torch.cdist(conditions, self.conditions)
        nearest = distance.topk(self.n_near, dim=1, largest=False).indices
        return self.values[nearest].mean(dim=1)

    def __call__(self, images, batch):
        """Return the loss of generated images, given the conditions of the batch."""
        conditions = self.standardize(batch.conditions)
        features = torch.cat([differentiable_features(d, images) for d in self.descriptors], dim=1)
        excess = features - self.expected(conditions)
        modes = torch.hstack(
            [torch.ones_like(conditions[:, :1]), conditions, (conditions.square() - 1) / 2**0.5]
        )
        return self.weight * (modes.t() @ excess / len(excess)).square().sum(dim=0).mean()
