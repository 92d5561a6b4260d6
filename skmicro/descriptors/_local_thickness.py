"""Local thickness: how much of a phase has room for balls of a diameter (granulometry)."""

import numpy as np
import torch
from scipy import ndimage

from ..parameters import parameter
from ..rules import integer, optional
from ._labelling import phase_mask
from ._phase import SpacedDescriptor, SpatialDescriptor


class LocalThickness(SpacedDescriptor, SpatialDescriptor):
    r"""Granulometry of one phase: the share of it that balls inside the phase reach.

    The local thickness of a place is the diameter of the largest ball that contains it and lies
    in the phase. The features are the shares of the phase's voxels that lie in balls of 1, 3, 5,
    ... voxels within the phase, and so are of at least this thickness; the first share is 1.

    Attributes
    ----------
    diameters_ : ndarray of shape (n_features,)
        Diameter d of each feature, in units of ``spacing``: odd numbers of voxels of the finest
        axis.

    See Also
    --------
    ChordLength : Lengths along the axes, which the other directions of a pore do not limit.
    LinealPath : Room for segments, with gradients.

    Notes
    -----
    The share of d is that of the opening of the phase by a ball of diameter d [1]_ [2]_: the places
    within d / 2 of a centre whose distance to the nearest voxel outside is more than d / 2,
    both from exact Euclidean distances between the centres of voxels. Balls have their centres in
    those of voxels, so that diameters are odd numbers; a layer of 4 voxels has a thickness of 3.
    Balls of voxels are no round ones: where a larger one fits exactly, a smaller one may miss a few
    voxels at its border. Twice the sum of the features minus 1 is about the mean thickness.

    *Borders.* In images that do not wrap around, voxels count for d that are at least d - 1 voxels
    away from the border: what lies beyond it cannot change the thickness there. So the counts
    of the mean of many windows are those of the material. Images without the phase have 0 in all
    features, also where it lies nearer to the border only.

    Has no gradient. Called with probabilities it takes the most probable phase of each voxel. Grey
    images have the phase where the level is at least 1/2.

    References
    ----------
    .. [1] T. Hildebrand and P. Rueegsegger, "A new method for the model-independent assessment of
       thickness in three-dimensional images", J. Microsc. 185, 67-75, 1997.
    .. [2] P. Soille, *Morphological Image Analysis*, 2nd ed., Springer, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import LocalThickness
    >>> layers = np.array([[[0, 1, 0, 1, 1, 1, 0, 0]] * 8])  # of one voxel and of three
    >>> LocalThickness(max_diameter=3, periodic=True).fit_transform(layers)
    array([[1.  , 0.75]], dtype=float32)
    """

    name = "local_thickness"
    differentiable = False
    max_diameter: int | None = parameter(
        None,
        optional(integer(1)),
        """Largest diameter in voxels of the finest axis; ``None`` means a quarter of the
        shortest side longer than one voxel, at least 1.""",
    )

    @property
    def diameters_(self):
        """Diameter of each feature."""
        return self._unit_and_scales(self.image_shape_)[0] * self._odd_numbers()

    def _odd_numbers(self):
        return np.arange(1, self._largest() + 1, 2)

    def _largest(self):
        sides = [side for side in self.image_shape_ if side > 1] or [1]
        if self.max_diameter is None:
            return max(1, min(sides) // 4)
        limit = min(sides) if self._wraps else (min(sides) + 1) // 2
        if self.max_diameter > limit:
            raise ValueError(
                f"max_diameter must be <= {limit} for {'' if self._wraps else 'windows of '}images "
                f"of shape {self.image_shape_}, got {self.max_diameter}."
            )
        return self.max_diameter

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "image_shape_"):
            self._largest()

    def _describe(self, images):
        masks = phase_mask(self, images)
        radii = self._odd_numbers() // 2 if hasattr(self, "image_shape_") else [0]
        shape = tuple(images.shape[2:])
        scales = self._unit_and_scales(shape)[1] or (1.0,) * len(shape)
        scales = [scale for scale, side in zip(scales, shape, strict=True) if side > 1] or [1.0]
        rows = [opened_shares(np.squeeze(m), radii, scales, periodic=self._wraps) for m in masks]
        return torch.as_tensor(np.array(rows), dtype=images.dtype, device=images.device)

    def _feature_names(self):
        return [f"{self.name}_{diameter}" for diameter in self._odd_numbers()]

    def _target_bounds(self):
        return 0.0, 1.0


def opened_shares(mask, radii, scales, *, periodic):
    """Return the shares of a phase that balls of radii k + 1/2 inside it reach.

    Parameters
    ----------
    mask : ndarray of bool
        The phase.
    radii : sequence of int
        The numbers k.
    scales : sequence of float
        Distance of neighbouring voxels along each axis, in the units of radii.
    periodic : bool
        Whether the image wraps around.

    Returns
    -------
    shares : list of float
        One for each radius, 0 without voxels of the phase.
    """
    if mask.all():
        return [1.0] * len(radii)
    scales = np.array(scales[: mask.ndim])
    reach = np.ceil(2 * max(radii) / scales).astype(int)
    around = np.pad(mask, [(side, side) for side in reach * periodic], mode="wrap")
    distance = ndimage.distance_transform_edt(around, sampling=scales)
    shares = []
    for k in radii:
        margins = reach if periodic else np.ceil(2 * k / scales).astype(int)
        core = tuple(slice(m, side - m) for m, side in zip(margins, around.shape, strict=True))
        centres = distance > k + 0.5
        reached = np.zeros_like(around)
        if centres.any():
            reached = ndimage.distance_transform_edt(~centres, sampling=scales) <= k + 0.5
        shares.append(reached[core].sum() / max(1, around[core].sum()))
    return shares
