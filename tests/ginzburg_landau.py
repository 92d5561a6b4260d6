"""The energy that the simulator of phase separation lowers."""

import torch

from skmicro.datasets._cahn_hilliard import squared_frequencies


def free_energy(field, gamma):
    """Return the energy F of each field of shape (n, *S), with spectral gradients."""
    dims = tuple(range(1, field.ndim))
    shape = field.shape[1:]
    laplacian = torch.fft.rfftn(field, dim=dims) * squared_frequencies(shape).neg()
    laplacian = torch.fft.irfftn(laplacian, s=shape, dim=dims)
    density = (1 - field.square()).square() / 4 - gamma / 2 * field * laplacian
    return density.sum(dim=dims)
