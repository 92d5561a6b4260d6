"""Distance between the descriptors of generated images and their targets.

Singh et al. 2018, Eq. 4, and Joshi et al. 2020, Eq. 8: for descriptors I_j and
targets r_j,

    L_I = weight * E_z sum_j mean_k (I_j(G(z, r))_k - r_jk)^2.

The mean over the components k of one descriptor makes a curve of 33 values and a
single fraction weigh alike.
"""

import torch


class DescriptorLoss:
    """Squared error of descriptors against targets.

    Parameters
    ----------
    descriptors : sequence of BaseDescriptor
        Differentiable descriptors, in the order of the target columns.
    physical : callable
        Network channels to what descriptors measure (an encoder's ``physical``).
    weight : float, default=1.0
        Factor of the loss.
    """

    def __init__(self, descriptors, physical, weight=1.0):
        self.descriptors = descriptors
        self.physical = physical
        self.weight = weight

    def features(self, channels):
        """Return all descriptors of images side by side, (n, C, *S) -> (n, k)."""
        images = self.physical(channels)
        return torch.cat([descriptor(images) for descriptor in self.descriptors], dim=1)

    def per_image(self, channels, targets):
        """Return the loss of every image, shape (n,)."""
        images = self.physical(channels)
        start, total = 0, 0.0
        for descriptor in self.descriptors:
            features = descriptor(images)
            wanted = targets[:, start : start + features.shape[1]]
            total = total + (features - wanted).square().mean(dim=1)
            start += features.shape[1]
        return self.weight * total

    def __call__(self, channels, targets):
        """Return the mean loss of a batch, shape ()."""
        return self.per_image(channels, targets).mean()
