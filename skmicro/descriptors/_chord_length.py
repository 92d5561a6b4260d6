"""Chord lengths: how long the runs of a phase along the axes are."""

import numpy as np
import torch

from ..parameters import parameter
from ..rules import choice, integer, optional
from . import _lags, _line_kernels, _masked_lines
from ._phase import EdgeCorrectedDescriptor, SpacedDescriptor


class ChordLength(SpacedDescriptor, EdgeCorrectedDescriptor):
    """Mean and distribution of the chord lengths of one phase, along the axes.

    A chord is a maximal run of voxels of the phase along an axis. The features are

    - ``chord_length_mean``: mean length of a chord, in the unit of ``spacing``;
    - ``chord_length_z1``, ``chord_length_z2``, ...: the probability ``p(z)`` that a chord
      chosen at random has z voxels (where ``spacing`` differs a length of z times the shortest
      one, rounded). The last one is the probability that it has
      ``max_length`` or more, so that they sum to 1.

    Images without a chord have 0 in all of them.

    Attributes
    ----------
    lengths_ : ndarray of shape (n_lengths,)
        Length of each feature after a mean, in the unit of ``spacing``.

    See Also
    --------
    LinealPath : The probability that a segment lies inside a chord.
    SpecificSurface : Counts the ends of the chords.

    Notes
    -----
    With ``N_i(z)`` chords of z voxels along the axis i [1]_ [2]_

        p(z) = sum_i N_i(z) / sum_(i, z') N_i(z'),
        mean = sum_(i, z) z N_i(z) / sum_(i, z) N_i(z).

    Every chord weighs the same, whatever its length and its axis; each axis has test lines of
    the same total length. The mean is taken over all lengths, also those beyond
    ``max_length``. A line that lies wholly in the phase has no ends and is no chord, in
    periodic images either. Sides of one pixel have no chords.

    *Borders.* Images that do not wrap around are windows of a material. Chords that touch the
    border may be longer than the window shows, and long ones touch it more often. A chord of z
    voxels is seen whole at L - 1 - z places along an axis of L, and weighs the inverse; the
    last bin counts the chords of which the first or the last ``max_length`` voxels are seen,
    of which there are L - ``max_length`` places. The mean is the volume fraction over the number
    of beginnings and ends per voxel. All these numbers are unbiased, as means over windows of
    one material, and the features are their quotients. Axes without room for a length do not
    count for it. Without ``edge_correction`` chords that touch the border are left out and all
    others weigh the same.

    Unknown voxels, masked or NaN, are a border: a chord is seen whole where the voxels beyond its
    ends are known, and numbers of windows are divided by the places where that many voxels in a
    row are known. In periodic images chords that touch unknown voxels are left out.

    In a periodic image the number of chords of length z per voxel along an axis is the second
    difference of the lineal path function along this axis, ``L(z - 1) - 2 L(z) + L(z + 1)``
    with L as in :class:`LinealPath`. Without lines wholly in the phase the mean is
    ``2 d p1 / s`` in d dimensions, with the volume fraction p1 and the specific surface s
    (counted by faces).

    Called with probabilities the numbers of chords, and of voxels in chords, are the
    expectations for independent voxels, and the features their quotients. Grey levels are read
    as probabilities and clipped to [0, 1].

    References
    ----------
    .. [1] S. Torquato and B. Lu, "Chord-length distribution function for two-phase random
       media", Phys. Rev. E 47, 2950-2953, 1993.
    .. [2] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002, Sec. 2.5.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import ChordLength
    >>> row = np.array([[[0, 1, 1, 1, 0, 0, 1, 0]]])
    >>> ChordLength(max_length=4, periodic=True).fit_transform(row)
    array([[2. , 0.5, 0. , 0.5, 0. ]], dtype=float32)
    """

    name = "chord_length"
    takes_unknown = True
    max_length: int | None = parameter(
        None,
        optional(integer(1)),
        """Length of the last bin, in voxels, of the finest axis where ``spacing`` differs. ``None``
        means half the shortest side longer than one voxel. At most the longest side minus
        one in periodic images, minus two in others: no chord is longer.""",
    )

    output: str = parameter(
        "pooled",
        choice("pooled", "directional"),
        """The chords along all axes together, or mean and distribution along each axis, one after
        the other.""",
    )

    @property
    def lengths_(self):
        """Length of the chords of each feature after the mean, in the unit of spacing."""
        unit, _ = self._unit_and_scales(self.image_shape_)
        return _lags.in_units(np.arange(1, 1 + self._resolved_max_length()), unit)

    def _resolved_max_length(self):
        _, scales = self._unit_and_scales(self.image_shape_)
        options = {"periodic": self._wraps, "scales": scales}
        return _lags.resolve_max_length(self.image_shape_, self.max_length, **options)

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "encoder_"):
            self._resolved_max_length()

    def _describe(self, images, known=None):
        field = self._probability(images, known)
        unit, scales = self._unit_and_scales(field.shape[1:])
        options = {"max_length": self.max_length, "scales": scales, **self._borders}
        kernels = _line_kernels
        if known is not None:
            kernels, options = _masked_lines, options | {"known": known}
        features = []
        for axes in [None] if self.output == "pooled" else [(k,) for k in range(field.ndim - 1)]:
            mean, shares = kernels.chord_lengths(field, axes=axes, **options)
            features += [unit * mean.unsqueeze(1), shares]
        return torch.cat(features, dim=1)

    def _feature_names(self):
        prefixes = [self.name]
        if self.output == "directional":
            prefixes = [f"{self.name}_axis{axis}" for axis in range(len(self.image_shape_))]
        lengths = range(1, 1 + self._resolved_max_length())
        figures = ["mean", *(f"z{length}" for length in lengths)]
        return [f"{prefix}_{figure}" for prefix in prefixes for figure in figures]

    def _target_bounds(self):
        return 0.0, super()._target_bounds()[1]
