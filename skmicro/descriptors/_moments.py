"""Area and centroid of shapes: the zeroth and first moments of every phase's indicator."""

import torch
from sklearn.utils.validation import check_is_fitted

from ..parameters import parameter
from ..rules import boolean, label
from . import _geometry_kernels
from ._base import BaseDescriptor


class _ShapeDescriptor(BaseDescriptor):
    """What the descriptors of shapes share: every channel but the background is one."""

    background: int | None = parameter(
        None,
        label(),
        """Label of the background; ``None`` means the smallest label. Grey images and
        images of one phase have no background and show one shape.""",
    )

    def _check_parameters(self):
        super()._check_parameters()
        if self.background is None or not hasattr(self, "encoder_"):
            return
        if self.phases_ is None:
            raise ValueError(
                f"background must be None for grey-level images, got {self.background!r}."
            )
        if self.background not in self.phases_:
            raise ValueError(
                f"background must be one of the labels {self.phases_.tolist()}, "
                f"got {self.background!r}."
            )

    def _background_channel(self):
        if self.background is None:
            return 0
        check_is_fitted(self)
        return self.encoder_.channel_of(self.background, "background")

    def _moments(self, images):
        if images.shape[1] > 1:
            background = self._background_channel()
            images = torch.cat([images[:, :background], images[:, background + 1 :]], dim=1)
        return _geometry_kernels.shape_moments(images, periodic=getattr(self, "periodic", False))

    def _shape_names(self):
        if self.phases_ is None:
            return ["grey"]
        names = [str(int(phase)) for phase in self.phases_]
        if len(names) > 1:
            del names[self._background_channel()]
        return names

    def _axis_names(self):
        return [f"axis{axis}" for axis in range(len(self.image_shape_))]


class _PlacedShapeDescriptor(_ShapeDescriptor):
    """What the descriptors of places share: what is near across the border."""

    periodic: bool = parameter(
        False,
        boolean(),
        """Whether shapes go on across the border. It is not detected from the images: if all
        shapes lie inside the borders, they look periodic.""",
    )


class ShapeArea(_ShapeDescriptor):
    """Area of the shape that each phase forms, as a fraction of the voxels.

    The background is left out. In three dimensions the area is a volume.

    See Also
    --------
    ShapeCentroid : Where the shapes are.
    PhaseFractions : The fractions of all phases, the background included.

    Notes
    -----
    ``mu_00 / N`` with ``mu_00`` the sum of a phase's indicator over the N voxels: the
    invariance of [1]_, Eq. 3, which holds it against ``pi r^2`` for circles of radius r.
    The mean grey level of grey images.

    References
    ----------
    .. [1] A. Joshi, M. Cho, V. Shah, B. Pokuri, S. Sarkar, B. Ganapathysubramanian and
       C. Hegde, "InvNet: Encoding geometric and statistical invariances in deep
       generative models", AAAI 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import ShapeArea
    >>> two_shapes = np.array([[[1, 1, 0, 0], [1, 1, 0, 2]]])
    >>> ShapeArea().fit_transform(two_shapes)
    array([[0.5  , 0.125]], dtype=float32)
    """

    name = "area"

    def _describe(self, images):
        area, _ = self._moments(images)
        return area

    def _feature_names(self):
        return [f"area_{shape}" for shape in self._shape_names()]

    def _target_bounds(self):
        return (0.0, 1.0) if self.phases_ is not None else super()._target_bounds()


class ShapeCentroid(_PlacedShapeDescriptor):
    """Centroid of the shape that each phase forms, in units of the image's sides.

    The background is left out. The features are the coordinates along the axes of the
    array, shape by shape.

    See Also
    --------
    ShapeArea : How large the shapes are.
    ShapeMoments : Area and centroid together.

    Notes
    -----
    For the shape with indicator I and an axis of L voxels [1]_

        c = mu_10 / ((mu_00 + 0.01) L),  mu_00 = sum_x I(x),  mu_10 = sum_x (x + 1/2) I(x),

    x being the index along that axis. Voxel centres lie at ``(x + 1/2) / L`` between 0
    and 1. The hundredth of a voxel in the denominator gives a shape that is absent the
    centroid 0, which no voxel has, and draws a shape of A voxels to 0 by ``0.01 / A`` of
    its coordinates. A phase in several pieces has one centroid. Grey levels below 0 weigh
    nothing.

    In ``periodic`` images a shape may go on across the border. Coordinates x are then taken
    within half a period of the circular mean, the angle of ``sum_x I(x) exp(2 pi i x / L)`` [2]_,
    and c modulo 1. Shapes that lie inside the borders keep their centroid, as long as they are
    within half a period of it; one that surrounds the period evenly has none along that axis.

    References
    ----------
    .. [1] A. Joshi, M. Cho, V. Shah, B. Pokuri, S. Sarkar, B. Ganapathysubramanian and
       C. Hegde, "InvNet: Encoding geometric and statistical invariances in deep
       generative models", AAAI 2020, Eqs. 4 to 7.
    .. [2] L. Bai and D. Breen, "Calculating center of mass in an unbounded 2D environment",
       J. Graph. Tools 13, 53-60, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import ShapeCentroid
    >>> square = np.zeros((1, 8, 10), int)
    >>> square[0, 2:6, 0:4] = 1
    >>> ShapeCentroid().fit_transform(square).round(3)
    array([[0.5, 0.2]], dtype=float32)
    """

    name = "centroid"

    def _describe(self, images):
        _, centroid = self._moments(images)
        return centroid.flatten(1)

    def _feature_names(self):
        axes = self._axis_names()
        return [f"centroid_{shape}_{axis}" for shape in self._shape_names() for axis in axes]

    def _target_bounds(self):
        return 0.0, 1.0


class ShapeMoments(_PlacedShapeDescriptor):
    """Area and centroid of the shape that each phase forms.

    The features are area and centroid of the first shape, then of the next.

    See Also
    --------
    ShapeArea : The areas alone.
    ShapeCentroid : The centroids alone, with the definition.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import ShapeMoments
    >>> square = np.zeros((1, 8, 10), int)
    >>> square[0, 2:6, 0:4] = 1
    >>> moments = ShapeMoments().fit(square)
    >>> moments.transform(square).round(3)
    array([[0.2, 0.5, 0.2]], dtype=float32)
    >>> moments.get_feature_names_out().tolist()
    ['area_1', 'centroid_1_axis0', 'centroid_1_axis1']
    """

    name = "shape_moments"

    def _describe(self, images):
        area, centroid = self._moments(images)
        return torch.cat([area.unsqueeze(2), centroid], dim=2).flatten(1)

    def _feature_names(self):
        axes = self._axis_names()
        return [
            name
            for shape in self._shape_names()
            for name in [f"area_{shape}", *(f"centroid_{shape}_{axis}" for axis in axes)]
        ]

    def _target_bounds(self):
        return (0.0, 1.0) if self.phases_ is not None else super()._target_bounds()
