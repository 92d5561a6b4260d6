r"""Three-point parameters by integrating S3 over triangles.

S3(r, s, theta) is sampled on the image: the field is moved by the vectors r e_a of all radii
and directions, and the mean of the products I(x) I(x + r e_a) I(x + s e_b) taken over x. Directions
are spread over the circle or the sphere, so that pairs of them are all angles in all orientations.
Radii are the nodes of a Gauss rule: S3 - S2 S2 / p2 vanishes at radius 0, so that the integrand
over dr / r is smooth.
"""

import math

import numpy as np
import torch

from ._three_point_kernels import PREFACTOR, combined, section_integrals, section_orders


def integrated_parameters(field, dimension, max_lag, n_radii, n_angles, scales=None):
    """Return zeta and eta of fields (n, *spatial), 0 for those that are the same everywhere.

    Dimension 3 for two axes means plane sections; ``max_lag`` is the largest radius in
    voxels, of the finest axis where their ``scales`` differ; ``n_angles`` counts directions around
    the circle or the equator.
    """
    n_axes = field.ndim - 1
    nodes, rule = np.polynomial.legendre.leggauss(n_radii)
    radii = max_lag * (1 + nodes) / 2
    over_radii = field.new_tensor(max_lag * rule / 2 / radii)
    directions, shares = _directions(n_axes, n_angles)
    vectors = (radii[:, None, None] * directions).reshape(-1, n_axes)
    if scales is not None:
        vectors = vectors / np.array(scales)
    shares = field.new_tensor(shares)
    weights = [field.new_tensor(_angular(directions, degree, dimension)) for degree in (2, 4)]
    return torch.stack([
        _of_one(image, vectors, over_radii, shares, weights, dimension) for image in field
    ]).unbind(1)  # fmt: skip


def _of_one(image, vectors, over_radii, shares, weights, dimension):
    fraction, variance = image.mean(), (image - image.mean()).square().mean()
    if not variance > (8 * torch.finfo(image.dtype).eps * fraction).square():
        return 0.0 * image.sum().expand(2)
    ends = _moved(image, vectors)
    two_point = (ends @ image.flatten()) / image.numel()
    two_point = two_point.view(-1, len(shares)) @ shares
    three_point = (ends * image.flatten()) @ ends.T / image.numel()
    three_point = three_point.view(len(over_radii), len(shares), len(over_radii), len(shares))
    excess = three_point - (two_point[:, None] * two_point / fraction)[:, None, :, None]
    second, fourth = (
        torch.einsum("iajb,i,j,a,b,ab->", excess, over_radii, over_radii, shares, shares, weight)
        / variance
        for weight in weights
    )
    return torch.stack([second, combined(second, fourth, dimension)])


def _moved(image, vectors):
    """Return image(x + v) for vectors v (n_vectors, n_axes), as rows of voxels.

    Between voxels the image is the trigonometric polynomial through all of them.
    """
    shape, dims = tuple(image.shape), tuple(range(1, 1 + image.ndim))
    phases = torch.ones((), dtype=torch.float64)
    for axis, (side, steps) in enumerate(zip(shape, vectors.T, strict=True)):
        last = axis == image.ndim - 1
        frequencies = torch.fft.rfftfreq if last else torch.fft.fftfreq
        cycles = frequencies(side, dtype=torch.float64)
        turns = 2 * math.pi * torch.outer(torch.as_tensor(steps), cycles)
        # A wave of two voxels has no partner of the other sign and only shrinks.
        sines = torch.where(cycles.abs() < 0.5, turns.sin(), 0.0)
        view = [len(vectors), *(-1 if dim == dims[axis] else 1 for dim in dims)]
        phases = phases * torch.complex(turns.cos(), sines).view(view)
    modes = torch.fft.rfftn(image) * phases.to(image.device)
    return torch.fft.irfftn(modes, s=shape, dim=dims).to(image.dtype).flatten(1)


def _directions(n_axes, n_angles):
    """Return unit vectors, and the share of the circle or the sphere that each represents."""
    around = 2 * math.pi * np.arange(n_angles) / n_angles
    circle = np.stack([np.cos(around), np.sin(around)], axis=1)
    if n_axes == 2:
        return circle, np.full(n_angles, 1 / n_angles)
    heights, rule = np.polynomial.legendre.leggauss(n_angles // 2)
    flat = np.sqrt(1 - heights**2)[:, None, None] * circle
    tall = np.broadcast_to(heights[:, None, None], (*flat.shape[:2], 1))
    shares = np.repeat(rule / 2 / n_angles, n_angles)
    return np.concatenate([flat, tall], axis=2).reshape(-1, 3), shares


def _angular(directions, degree, dimension):
    """Return what pairs of directions weigh in the parameter of a degree.

    The integral over angles is the mean over pairs of directions times pi in planes, times 2
    in space, where cosines are spread evenly.
    """
    cosines = np.clip(directions @ directions.T, -1, 1)
    if dimension == 2:
        return degree**2 * np.cos(degree * np.arccos(cosines))
    if directions.shape[1] == 3:
        return 2 * PREFACTOR[degree] * np.polynomial.legendre.Legendre.basis(degree)(cosines)
    # Orders that so few directions resolve.
    series = [
        2 * integral * np.cos(order * np.arccos(cosines))
        for order, integral in zip(section_orders(), section_integrals(degree), strict=True)
        if order < len(directions) / 2
    ]
    return PREFACTOR[degree] * sum(series)
