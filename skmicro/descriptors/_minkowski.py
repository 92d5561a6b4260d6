"""Minkowski functionals: volume, surface, mean breadth and Euler characteristic together."""

import torch

from . import _geometry_kernels, _kernels
from ._phase import (
    ConnectedDescriptor,
    EdgeCorrectedDescriptor,
    SpacedDescriptor,
    n_dimensions,
)
from ._surface import METHODS, surface_method

_FUNCTIONALS = {
    2: ("area", "perimeter", "euler"),
    3: ("volume", "surface", "mean_breadth", "euler"),
}
_BREADTH_PER_VOLUME = {"faces": 1 / 2, "two-point": 1 / 3}
"""Mean breadth over the intrinsic volume of degree 1, of boxes along the grid and of balls."""


class MinkowskiFunctionals(SpacedDescriptor, EdgeCorrectedDescriptor, ConnectedDescriptor):
    """Minkowski functionals of one phase per volume, by default per voxel.

    In two dimensions the features are

    - ``minkowski_area``: area fraction;
    - ``minkowski_perimeter``: length of the interface per area;
    - ``minkowski_euler``: Euler characteristic per area,

    and in three

    - ``minkowski_volume``: volume fraction;
    - ``minkowski_surface``: area of the interface per volume;
    - ``minkowski_mean_breadth``: mean breadth per volume;
    - ``minkowski_euler``: Euler characteristic per volume,

    all in powers of the unit of ``spacing``.

    See Also
    --------
    VolumeFraction : The area or the volume.
    SpecificSurface : The perimeter or the surface.
    EulerNumber : The Euler characteristic.

    Notes
    -----
    These are all the additive functionals of a body that do not depend on its place and
    orientation: every other one is a sum of multiples of them. Multiply by the volume of the
    image for the functionals of the whole of it.

    The *mean breadth* b is the distance between two parallel planes that touch a convex body,
    averaged over all directions: (a + b + c) / 2 for a box, 2 r for a ball of radius r. The
    integral of the mean curvature over the surface is ``M = 2 pi b``. For other bodies it is
    the integral, along a direction, of the Euler characteristic of the plane sections across
    it, averaged over all directions.

    As intrinsic volumes V_k in d dimensions they have one formula. ``V_d`` is the volume,
    ``V_(d-1)`` half the surface, ``V_0`` the Euler characteristic, and in three dimensions
    ``V_1 = 2 b``. With the indicator I of the phase, A running over the subsets of the axes,
    and the connectivity ``"faces"``::

        V_k = sum_x sum_A (-1)^|A| binomial(d - |A|, k) prod_{v in {0, 1}^A} I(x + v)

    counts voxels, pairs, squares and cubes of voxels [1]_ [2]_. For ``"corners"`` it is
    ``(-1)^(d - k - 1)`` times the same of the voxels that are not in the phase (k < d),
    and the rest of the image has the other connectivity in both cases. The features are these
    sums over the number of voxels.

    **Faces.** The functionals of a body made of voxels, to the last digit: a box of a x b x c has
    surface 2 (a b + b c + c a) and mean breadth (a + b + c) / 2. A smooth interface is
    replaced by a staircase. Averaged over all directions this multiplies the perimeter by
    4/pi in two dimensions, and the surface and the mean breadth by 3/2 in three, however
    fine the grid.

    **Two-point.** The surface is that of :class:`SpecificSurface` with this method, and the
    mean breadth is the mean over three directions, the axes, which is two thirds of the
    voxels' own. Balls and isotropic materials have neither factor [2]_ [3]_: the surface of a
    ball of r voxels is right but for an error that falls as 1/r, and its mean breadth is
    within one voxel of 2 r. The mean breadth of anisotropic bodies is wrong, that of a box by
    a third. Area, volume and Euler characteristic are the same.

    **Border.** Images that do not wrap around are windows of a material: each block is counted
    where the window has room for it, as in :class:`EulerNumber`, and the surface leaves the
    border out, as in :class:`SpecificSurface`, so that all functionals are unbiased. Without
    ``edge_correction`` the Euler characteristic and the mean breadth take the phase to end at
    the border. To measure a body with its faces on the border, add an empty layer to the
    image and let it wrap around.

    Called with probabilities, area, volume, mean breadth and Euler characteristic are
    expectations for independent voxels, and the surface is that of
    :class:`SpecificSurface`, all with gradients. Grey levels are read as probabilities and
    clipped to [0, 1]. Sides of one pixel are ignored: a volume one voxel thick has the
    functionals of a plane image.

    References
    ----------
    .. [1] K. Michielsen and H. De Raedt, "Integral-geometry morphological image analysis",
       Phys. Rep. 347, 461-538, 2001.
    .. [2] D. Legland, K. Kieu and M.-F. Devaux, "Computation of Minkowski measures on 2D and
       3D binary images", Image Anal. Stereol. 26, 83-92, 2007.
    .. [3] J. Ohser and F. Muecklich, *Statistical Analysis of Microstructures in Materials
       Science*, Wiley, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import MinkowskiFunctionals
    >>> box = np.zeros((1, 6, 6, 6), int)
    >>> box[0, 1:3, 1:4, 1:5] = 1
    >>> 216 * MinkowskiFunctionals(periodic=True).fit_transform(box)
    array([[24. , 52. ,  4.5,  1. ]], dtype=float32)
    """

    name = "minkowski"
    method: str = surface_method()

    def _describe(self, images):
        field = self._probability(images)
        shape = field.shape[1:]
        (unit, scales), volume = self._unit_and_scales(shape), self._voxel_volume(shape)
        options = {"corners": self._corners, **self._borders}
        if n_dimensions(shape) == 2:
            curvatures = _geometry_kernels.intrinsic_volumes(field, (0,), **options) / volume
        else:
            lengths, euler = _geometry_kernels.intrinsic_volumes(field, (1, 0), **options).unbind(1)
            if scales is not None:
                lengths = _geometry_kernels.sections_across(field, scales, **options)
            breadth = _BREADTH_PER_VOLUME[self.method] * lengths
            curvatures = torch.stack([breadth * (unit / volume), euler / volume], dim=1)
        size = _kernels.volume_fraction(field)
        surface = METHODS[self.method](field, periodic=self._wraps, scales=scales) / unit
        return torch.cat([size.unsqueeze(1), surface.unsqueeze(1), curvatures], dim=1)

    def _feature_names(self):
        return [
            f"{self.name}_{functional}"
            for functional in _FUNCTIONALS[n_dimensions(self.image_shape_)]
        ]
