r"""Gradients of periodic voxel fields in Fourier space, by their directions.

A field on voxels has the modes ``exp(i q . x)``, x in voxels, -pi < q_j <= pi, and a
discretisation says which vector i s(q) differentiates a mode. Only its direction n = s / \|s\|
matters: lengths cancel between a gradient, a divergence and the operator that relates them.

- ``"rotated"``: differences along one axis, averaged over the others, from the corners of voxels to
  their centres (Willot 2015). With the phase that all components share left out,

      s_j = (2 / h_j) sin(q_j / 2) prod_{l != j} cos(q_l / 2),

  h being the sides of a voxel. It equals finite elements with a node at each corner and one
  integration point.
- ``"moulinec-suquet"``: derivatives of trigonometric polynomials (Moulinec & Suquet 1998),
  s_j = q_j / h_j.

The mean has no gradient. Nor have, with the rotated scheme, modes with q_j = pi along two axes
or more (no difference sees them) and, with the other, modes with q_j = pi along any axis (their
derivative is not real).

One half of the modes of real fields is stored, that of ``rfftn``, and complex numbers as pairs
of real ones: a product with real directions then converts nothing. Most stored modes represent
two, those at the ends of the last axis for themselves. Unknowns and residuals hold the latter over
sqrt(2), so that twice a plain product of numbers is the product over all modes; the directions that
lead to fields and those that come from them make up for it.
"""

import copy
import math
from functools import cached_property, lru_cache

import torch

SMALL_GRID = 2**12  # Voxels of a grid whose modes are kept.


def voxel_modes(shape, spacing, discretization, dtype, device):
    """Return the :class:`VoxelModes` of a grid; those of small ones are kept for the next image."""
    make = _kept_modes if math.prod(shape) <= SMALL_GRID else VoxelModes
    return make(tuple(shape), tuple(map(float, spacing)), discretization, dtype, device)


class VoxelModes:
    """Modes of real periodic fields on a grid of voxels, ``half`` of them stored along each axis.

    The components of n, ``rising`` and ``falling``, have shape (n_axes, *half, 2), each twice,
    beside both parts of a complex number; zero where there is no gradient. Single modes are
    weighted for the way from unknowns to fields (rising) and from fields to residuals (falling).
    ``spacing`` is the side of a voxel along each axis.
    """

    def __init__(self, shape, spacing, discretization, dtype, device):
        self.shape = tuple(shape)
        self.half = (*self.shape[:-1], self.shape[-1] // 2 + 1)
        self.dims = tuple(range(-len(shape), 0))
        vectors = DERIVATIVES[discretization](self.shape, spacing)
        lengths = vectors.square().sum(0).sqrt()
        units = torch.where(lengths > 0, vectors / lengths.clamp(min=1e-300), 0.0)
        units = units[..., : self.half[-1]].to(dtype=dtype, device=device)
        directions = torch.stack([units, units], dim=-1)
        single = torch.ones_like(directions[0, ..., :1])
        for end in {0, *([self.half[-1] - 1] if self.shape[-1] % 2 == 0 else [])}:
            single.select(-2, end).fill_(math.sqrt(2))
        self.rising, self.falling = directions * single, directions / single

    @cached_property
    def single(self):
        """The same modes in single precision."""
        modes = copy.copy(self)
        modes.rising, modes.falling = self.rising.float(), self.falling.float()
        return modes

    def to_modes(self, field, modes):
        """Write the modes of real fields (..., *shape) into (..., *half, 2)."""
        torch.fft.rfftn(field, dim=self.dims, out=torch.view_as_complex(modes))

    def to_field(self, modes, field):
        """Write the real fields (..., *shape) of modes (..., *half, 2)."""
        complex_modes = torch.view_as_complex(modes)
        torch.fft.irfftn(complex_modes, s=self.shape, dim=self.dims, out=field)

    def inner(self, a, b):
        """Return inner products over all modes, (n,), of two sets (k, n, *half, 2)."""
        if a.shape[1] == 1:
            pairs = zip(a.flatten(1), b.flatten(1), strict=True)
            return 2.0 * sum(torch.dot(x, y).double() for x, y in pairs).view(1)
        return 2.0 * (a * b).flatten(2).sum(2).double().sum(0)


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _kept_modes(*arguments):
    return VoxelModes(*arguments)


def _angles(shape):
    """Return q along each axis, shaped to broadcast over the grid."""
    angles = []
    for axis, side in enumerate(shape):
        q = 2 * math.pi * torch.fft.fftfreq(side, dtype=torch.float64)
        angles.append(q.view([-1 if other == axis else 1 for other in range(len(shape))]))
    return angles


def _unpaired(q):
    """Tell where q is pi, the frequency without a partner of the other sign."""
    return (q.abs() - math.pi).abs() < 1e-9


def _rotated(shape, spacing):
    angles = _angles(shape)
    cosines = [torch.where(_unpaired(q), 0.0, (q / 2).cos()) for q in angles]
    components = []
    for axis, (q, length) in enumerate(zip(angles, spacing, strict=True)):
        others = cosines[:axis] + cosines[axis + 1 :]
        components.append(math.prod(others, start=2 * (q / 2).sin() / length))
    return torch.stack(torch.broadcast_tensors(*components))


def _spectral(shape, spacing):
    angles = _angles(shape)
    paired = math.prod((~_unpaired(q)).double() for q in angles)
    return torch.stack([paired * q / length for q, length in zip(angles, spacing, strict=True)])


DERIVATIVES = {"rotated": _rotated, "moulinec-suquet": _spectral}
