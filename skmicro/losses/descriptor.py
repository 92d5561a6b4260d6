"""Distance between the descriptors of generated images and their targets.

Singh et al. 2018, Eq. 4, and Joshi et al. 2020, Eq. 8: for descriptors I_j and
targets r_j,

    L_I = weight * E_z sum_j mean_k (I_j(G(z, r))_k - r_jk)^2.

The mean over the components k of one descriptor makes a curve of 33 values and a
single fraction weigh alike. *Matching* compares batch means instead, like the feature
matching of Salimans et al. 2016: it leaves the spread between images to the critic,

    L_M = weight * sum_j mean_k (mean_b I_j(G(z_b, r_b))_k - mean_b I_j(x_b)_k)^2.
"""


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

    def __call__(self, channels, batch):
        """Return the mean loss of generated images, their targets being the conditions."""
        return self.per_image(channels, batch.conditions).mean()


class DescriptorMeanLoss:
    """Squared difference between the mean descriptors of two batches.

    Parameters
    ----------
    descriptors : sequence of BaseDescriptor
        Differentiable descriptors.
    physical : callable
        Network channels to what descriptors measure (an encoder's ``physical``).
    weight : float, default=1.0
        Factor of the loss.
    """

    def __init__(self, descriptors, physical, weight=1.0):
        self.descriptors = descriptors
        self.physical = physical
        self.weight = weight

    def __call__(self, channels, batch):
        """Return the loss of generated images against the real ones of the batch."""
        fake, real = self.physical(channels), self.physical(batch.images)
        return self.weight * sum(
            (descriptor(fake).mean(dim=0) - descriptor(real).mean(dim=0)).square().mean()
            for descriptor in self.descriptors
        )
