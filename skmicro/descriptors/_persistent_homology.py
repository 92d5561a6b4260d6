"""Persistent Betti numbers of the signed distance to the interface of a phase."""

import importlib

import numpy as np
import torch
from scipy import ndimage

from ..parameters import parameter
from ..rules import integer, optional, real
from ._labelling import phase_mask
from ._phase import ConnectedDescriptor, SpacedDescriptor, n_dimensions


class PersistentHomology(SpacedDescriptor, ConnectedDescriptor):
    r"""Betti curves of a phase that is eroded and dilated step by step, of what lasts.

    The phase eroded by t consists of the voxels whose distance to the interface is at least t; for
    negative t, dilated by -t, of those outside as well whose distance is at most -t. The features
    are, for each dimension k and each t = -R, ..., R, the numbers of components (k = 0), loops
    (k = 1) and in three dimensions cavities (k = 2) per volume, by default per voxel, that are
    still there, as such, when this set is dilated by ``min_persistence``.

    Needs the package gudhi, ``pip install skmicro[topology]``.

    Attributes
    ----------
    distances_ : ndarray of shape (2 R + 1,)
        Distance t of each feature of one k, in units of ``spacing``.

    See Also
    --------
    BettiNumbers : The numbers of the phase itself.
    LocalThickness : How much of the phase an opening leaves.

    Notes
    -----
    The filtration by the signed distance distinguishes wide pores from throats [1]_ [2]_. A pore of
    radius r is a component for all t < r, until the erosion is less than the radius of the throat
    that leads to another one: the step from one number to the other in a curve is a size. Numbers
    of a persistence p are ranks of the maps of the homology of the set of t into that of the set of
    t - p, and p = 0 gives the Betti numbers of each set. On voxels, single ones at rough borders
    make many short-lived components: p is to be at least one voxel.

    The signed distance is that to the centre of the nearest voxel on the other side, less half a
    voxel of the finest axis, and negative outside. It is exact, and cut off beyond what t and p
    ask for, so that images of one phase have the curves of the whole image or of nothing.

    ``connectivity`` has the meaning of :class:`BettiNumbers`: with ``"faces"`` voxels are the
    vertices of a cubical complex (in words of gudhi "vertices"), whose cells are blocks of voxels;
    with ``"corners"`` they are its top-dimensional cells. In periodic images the complex is
    a torus, with loops and surfaces that lead around it, and distances wrap around as well. Other
    images are pieces: sets end at the border, and distances are those to voxels of the image.
    Homology is taken over the numbers modulo 11.

    Has no gradient. Called with probabilities it takes the most probable phase of each voxel. Grey
    images have the phase where the level is at least 1/2. Sides of one pixel are ignored.

    References
    ----------
    .. [1] V. Robins, M. Saadatfar, O. Delgado-Friedrichs and A. P. Sheppard, "Percolating length
       scales from topological persistence analysis of micro-CT images of porous materials", Water
       Resour. Res. 52, 315-329, 2016.
    .. [2] H. Wagner, C. Chen and E. Vucini, "Efficient computation of persistent homology for
       cubical data", in *Topological Methods in Data Analysis and Visualization II*, Springer,
       2012.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import PersistentHomology
    >>> two_pores = np.zeros((1, 9, 17), int)
    >>> two_pores[0, 2:7, 2:7] = two_pores[0, 2:7, 10:15] = 1
    >>> two_pores[0, 4, 7:10] = 1  # and a throat between them
    >>> descriptor = PersistentHomology(max_distance=2, periodic=False)
    >>> numbers = 9 * 17 * descriptor.fit_transform(two_pores)
    >>> numbers[:, :5].round()  # components, dilated by 2 ... eroded by 2
    array([[1., 1., 1., 1., 2.]], dtype=float32)
    """

    name = "persistent_homology"
    differentiable = False
    max_distance: int | None = parameter(
        None,
        optional(integer(1)),
        """Largest distance R in voxels of the finest axis, at most the longest side; ``None``
        means a quarter of the shortest side longer than one voxel, at least 1.""",
    )
    min_persistence: float = parameter(
        1.0,
        real(0.0),
        "Least persistence p of what is counted, in voxels of the finest axis.",
    )

    @property
    def distances_(self):
        """Distance of each feature of one dimension."""
        return self._unit_and_scales(self.image_shape_)[0] * self._steps(self.image_shape_)

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "image_shape_"):
            self._steps(self.image_shape_)

    def _steps(self, shape):
        largest = self.max_distance
        if largest is None:
            largest = max(1, min([side for side in shape if side > 1], default=1) // 4)
        elif largest > max(shape):
            raise ValueError(
                f"max_distance must be <= {max(shape)} for images of shape {shape}, got {largest}."
            )
        return np.arange(-largest, largest + 1)

    def _describe(self, images):
        shape = tuple(images.shape[2:])
        scales = self._unit_and_scales(shape)[1] or (1.0,) * len(shape)
        thick = [axis for axis, side in enumerate(shape) if side > 1] or [0]
        mask = phase_mask(self, images).reshape(-1, *[shape[axis] for axis in thick])
        steps, degrees = self._steps(shape), range(n_dimensions(shape))
        persistence = float(self.min_persistence)
        rows = []
        for image in mask:
            distance = signed_distance(
                image,
                [scales[axis] for axis in thick],
                limit=steps[-1] + persistence + 1,
                periodic=self._wraps,
            )
            pairs = _pairs(-distance, self._wraps, self._corners)
            rows.append([persistent_number(pairs, k, -steps, persistence) for k in degrees])
        numbers = np.array(rows, dtype=float).reshape(len(mask), -1)
        numbers /= mask[0].size * self._voxel_volume(shape)
        return torch.as_tensor(numbers, dtype=images.dtype, device=images.device)

    def _feature_names(self):
        steps = self._steps(self.image_shape_)
        degrees = range(n_dimensions(self.image_shape_))
        return [f"{self.name}_b{degree}_{step}" for degree in degrees for step in steps]

    def _target_bounds(self):
        return 0.0, super()._target_bounds()[1]


def signed_distance(mask, scales, *, limit, periodic):
    """Return the distance of voxels to the interface, negative outside the phase.

    Parameters
    ----------
    mask : ndarray of bool
        The phase.
    scales : sequence of float
        Distance of neighbouring voxels along each axis, of which the least is 1.
    limit : float
        Distance beyond which all are the same.
    periodic : bool
        Whether the image wraps around.

    Returns
    -------
    distance : ndarray
        To the nearest voxel on the other side, less 1/2, from -limit to limit.
    """
    if mask.all() or not mask.any():
        return np.full(mask.shape, limit if mask.all() else -limit)
    # On a torus nothing is further away along an axis than half its side.
    reach = [
        int(min(np.ceil((limit + 1) / scale), side // 2)) if periodic else 0
        for scale, side in zip(scales, mask.shape, strict=True)
    ]
    around = np.pad(mask, [(side, side) for side in reach], mode="wrap")
    core = tuple(slice(side, side + n) for side, n in zip(reach, mask.shape, strict=True))
    inside, outside = (
        ndimage.distance_transform_edt(phase, sampling=scales)[core] for phase in (around, ~around)
    )
    return np.clip(np.where(mask, inside - 0.5, 0.5 - outside), -limit, limit)


def persistent_number(pairs, degree, levels, persistence):
    """Return how many classes are born by each level, and do not die within a persistence.

    Out of ``pairs``, births and deaths (m, 2) for each degree.
    """
    birth, death = pairs[degree].T
    alive = (birth <= levels[:, None]) & (death > levels[:, None] + persistence)
    return alive.sum(axis=1)


def _pairs(levels, periodic, corners):
    """Return births and deaths (m, 2) of the classes of each degree, of sets below a level."""
    try:
        gudhi = importlib.import_module("gudhi")
    except ImportError as error:
        raise ImportError(
            "gudhi is needed for PersistentHomology: pip install skmicro[topology]"
        ) from error
    cells = {"top_dimensional_cells" if corners else "vertices": levels}
    if periodic:
        complex_ = gudhi.PeriodicCubicalComplex(**cells, periodic_dimensions=[True] * levels.ndim)
    else:
        complex_ = gudhi.CubicalComplex(**cells)
    complex_.compute_persistence()
    return [
        complex_.persistence_intervals_in_dimension(degree).reshape(-1, 2) for degree in range(3)
    ]
