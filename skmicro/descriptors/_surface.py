"""Specific surface: the area of a phase's interface in a unit of volume."""

from ..parameters import parameter
from ..rules import choice
from . import _kernels
from ._phase import SpacedDescriptor, SpatialDescriptor

METHODS = {"faces": _kernels.face_surface, "two-point": _kernels.two_point_surface}


def surface_method():
    """Declare how the interface of a phase is measured."""
    return parameter(
        "faces",
        choice(*METHODS),
        """The faces of the voxels as they are, or a smooth interface without preferred
        directions, by the slope of the two-point correlation at the origin; see Notes.""",
    )


class SpecificSurface(SpacedDescriptor, SpatialDescriptor):
    """Interface area per volume of one phase, over the unit of ``spacing`` (by default 1/voxel).

    In two dimensions it is the length of the interface per area. Interfaces between other
    phases do not count.

    See Also
    --------
    TwoPointCorrelation : The correlation whose slope this is.

    Notes
    -----
    **Faces.** The sum over the axes i of the mean of ``|I(x + e_i) - I(x)|`` over the
    pairs of neighbours. This is the area of the voxel faces themselves: exact for
    interfaces along the grid, but a staircase in place of a smooth surface. It is too
    large by ``|m_1| + |m_2| + |m_3|`` for an interface of unit normal m, on average
    over all directions by 4/pi in two and 3/2 in three dimensions, however fine the
    grid.

    **Two-point.** In an isotropic medium the specific surface s follows from the
    autocorrelation [1]_ [2]_:

        s = -4 S2'(0) in three dimensions, s = -pi S2'(0) in two.

    Here ``-S2'(0)`` is the mean of ``(S2(0) - S2(v)) / |v|`` over the 8 (26 in three
    dimensions) nearest and diagonal neighbours v [3]_, with ``S2(0) - S2(v)`` taken as
    half the mean square difference of voxels a lag v apart, the same in periodic
    images. There is no staircase error; with so few directions the answer for a flat
    interface depends on its direction by -5 to +3 % in two dimensions and -7 to +3 % in
    three. Features thinner than two pixels are underestimated.

    Where ``spacing`` differs, faces weigh their area over the volume of a voxel, and neighbours v
    the part of all directions that is nearest to them, over the part that they have in a cube. The
    longer the voxels, the more the answer for a flat interface depends on its direction.

    Sides of one pixel are ignored: a volume one voxel thick is a plane image, and a
    1 x n image a line with ``s = -2 S2'(0)``. For probabilities, faces average the area
    over all thresholds (each level set weighs the same) while the two-point surface of
    a blurred interface is smaller than that of the sharp one. Where voxels are unknown, masked or
    NaN, both take the means over the pairs of which both voxels are known.

    References
    ----------
    .. [1] P. Debye, H. R. Anderson and H. Brumberger, "Scattering by an inhomogeneous
       solid. II. The correlation function and its application", J. Appl. Phys. 28,
       679-683, 1957.
    .. [2] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002, Sec. 2.2.
    .. [3] J. G. Berryman, "Measurement of spatial correlation functions using image
       processing techniques", J. Appl. Phys. 57, 2374-2384, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import SpecificSurface
    >>> stripes = np.tile([0, 0, 1, 1], (1, 4, 2))
    >>> SpecificSurface(periodic=True).fit_transform(stripes)
    array([[0.5]], dtype=float32)
    """

    name = "specific_surface"
    takes_unknown = True
    method: str = surface_method()

    def _describe(self, images, known=None):
        field, options = self._field(images, known), {"periodic": self._wraps, "known": known}
        unit, scales = self._unit_and_scales(field.shape[1:])
        surface = METHODS[self.method](field, scales=scales, **options)
        return surface.unsqueeze(1) / unit

    def _target_bounds(self):
        return 0.0, super()._target_bounds()[1]
