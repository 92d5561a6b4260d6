"""Flows of images that make volumes: every section of a volume is one of their images."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._checks import check_choice, check_image_shape, check_integer
from .._random import draw_seed
from .._typing import Seed
from ..conditioning import (
    NORMAL,
    images_for,
    read_targets,
    volume_conditions,
    volume_targets,
    warn_missed,
    warn_outside,
)
from ..descriptors import PhaseFractions, VolumeFraction
from ..flows import SectionModel
from ..images import check_stack
from ._flow_generator import FlowGenerator


class SectionedFlow(FlowGenerator):
    """Base class of flows from noise to phases whose images are sections of volumes."""

    def sample_volume(
        self,
        n_samples: int = 1,
        *,
        shape: tuple | None = None,
        periodic: bool | None = None,
        random_state: Seed = None,
        exact: bool = False,
        sections: dict | None = None,
        **targets: float | ArrayLike,
    ) -> np.ndarray:
        """Generate volumes with a network that was trained on images only.

        Images are interpreted as plane sections of the material. In every step from noise to a
        volume the network predicts the phases of all sections across all three axes, and the
        predictions of three sections for their common voxel are combined. One image of an isotropic
        material is sufficient. For an anisotropic one, ``conditions`` must contain ``"normal"``,
        and this column of ``y`` the axis across which each image of ``fit`` was cut, 0, 1 or 2:
        images across axis 1 show axes 0 and 2 of the volume, in this order.

        Parameters
        ----------
        n_samples : int, default=1
            Number of volumes.
        shape : tuple of 3 int or None, default=None
            Size of the volumes; ``None`` means a cube with the first side of the training images.
        periodic : bool or None, default=None
            Whether opposite faces match; ``None`` means ``periodic_``.
        random_state : None, int, RandomState or Generator, default=None
            Source of the noise; the first volumes do not depend on ``n_samples``.
        exact : bool, default=False
            Move the threshold of each volume so that the target phase fractions are met to
            half a voxel.
        sections : dict or None, default=None
            Known sections of every volume, such as a micrograph: images by axis and
            position, e.g. ``{(0, 32): image}`` for ``volume[32]``.
        **targets : float or array-like
            Phase fractions of the volumes, e.g. ``p1=0.4``, and process variables of the images.
            Without a fraction, volumes have the mean of the training images. The fractions of
            single sections may deviate from it.

        Returns
        -------
        volumes : ndarray of shape (n_samples, *shape)
            Volumes with the labels and the type of the training images.

        Raises
        ------
        ValueError
            If the generator was trained on volumes, on grey levels or without images across
            one of the axes; if a target is neither a phase fraction nor a process variable, or is
            incompatible with the sections; or if a section is outside the volume, or has another
            shape or unseen phases.

        Warns
        -----
        ExtrapolationWarning
            If a target lies outside the range of the training images.
        TargetWarning
            If a target is missed by more than ``target_tol``.

        Notes
        -----
        Takes sixteen evaluations of the network for every section, and one more with a
        ``restart_time``, regardless of ``n_steps`` and ``method``. How a structure
        continues across an image is learned from images across other axes only, provided that
        the material is the same along all axes or images of all axes were seen: check
        percolation and connectivity of rare phases. Conditions other than phase
        fractions vary from section to section as they do in training.

        References
        ----------
        .. [1] J. Song, C. Meng, S. Ermon, "Denoising diffusion implicit models", ICLR 2021.
        """
        check_is_fitted(self)
        check_integer("n_samples", n_samples, minimum=1)
        check_choice("exact", exact, (True, False))
        check_choice("periodic", periodic, (None, True, False))
        model = self._volume_model(shape, periodic, sections or {})
        table = self.conditions_
        asked = read_targets(targets, table, model.encoder, model.image_shape, n_samples)
        wanted = volume_targets(asked, model.conditions)
        check_room(model, asked)
        warn_outside(asked, table.ranges)
        volumes = images_for(model, n_samples, wanted, exact, draw_seed(random_state))
        warn_missed(volumes, wanted, model.target_tol, model.image_shape)
        return volumes

    def _volume_model(self, shape, periodic, sections):
        """Return the model of volumes of a shape, a cube if it is None."""
        if self.phases_ is None or len(self.image_shape_) != 2:
            kind = "volumes" if len(self.image_shape_) == 3 else "grey levels"
            raise ValueError(
                "sample_volume needs a generator of two-dimensional images of phases, got one of "
                f"{kind}."
            )
        flow = FlowGenerator._model(self)
        shape = self.image_shape_[:1] * 3 if shape is None else shape
        shape = check_image_shape("shape", shape, (3,))
        periodic = flow.conditions.periodic if periodic is None else periodic
        self._check_normals()
        margin = 0 if periodic else flow.network.coarseness
        grid = [side + margin for side in shape]
        planes = [flow.resized((*grid[:k], *grid[k + 1 :]), True) for k in range(3)]
        conditions = volume_conditions(self.conditions_, self.encoder_, shape, periodic)
        own = {"image_shape": shape, "conditions": conditions, "flat": False}
        return SectionModel(
            planes=tuple(planes),
            restart_time=self.restart_time,
            fixed=fixed_voxels(sections, shape, self.encoder_),
            margin=margin,
            **(self._shared_parts() | own),
        )

    def _check_normals(self):
        """Raise unless images across every axis were seen, where images say across which."""
        table = self.conditions_
        if NORMAL in table.names:
            known = table.rows[:, table.places[NORMAL]]
            missing = [axis for axis in range(3) if axis not in known]
            if missing:
                raise ValueError(
                    f"column {NORMAL!r} of y must hold the axes 0, 1 and 2 for volumes, "
                    f"got none of {missing}."
                )

    def _measured_descriptors(self):
        """Return what volumes need to know of the training images."""
        return [] if self.encoder_.phases is None else [PhaseFractions()]


def fixed_voxels(sections, shape, encoder):
    """Return a volume of the labels of fixed sections, NaN elsewhere, or raise.

    Raises TypeError if they are not a dict, ValueError if an axis or position does not exist, an
    image has another shape or unseen phases, or two sections differ where they cross.
    """
    if not isinstance(sections, dict):
        raise TypeError(f"sections must be a dict of images, got {type(sections).__name__}.")
    volume = np.full(shape, np.nan)
    for place, image in sections.items():
        axis, position = _checked_place(place, shape)
        plane = (*shape[:axis], *shape[axis + 1 :])
        image = check_stack(f"sections[{place}]", [image], refused_by="sample_volume")
        if image.shape[1:] != plane:
            raise ValueError(f"sections[{place}] must have shape {plane}, got {image.shape[1:]}.")
        encoder.check(image, f"sections[{place}]")
        there = np.moveaxis(volume, axis, 0)[position]
        if (~np.isnan(there) & (there != image[0])).any():
            raise ValueError(f"sections[{place}] must be equal to the others where they cross.")
        there[:] = image[0]
    return volume


def check_room(model, targets):
    """Raise ValueError if no volume with the fixed sections has the phase fractions of targets."""
    phases, free = model.encoder.phases, np.isnan(model.fixed).mean()
    for target in targets:
        if isinstance(target.descriptor, PhaseFractions):
            described = phases
        elif isinstance(target.descriptor, VolumeFraction):
            described = [phases[model.encoder.channel_of(target.descriptor.phase)]]
        else:
            continue
        for phase, values in zip(described, target.values.T, strict=True):
            low = (model.fixed == phase).mean()
            nearest = values.clip(low, low + free)
            worst = np.abs(values - nearest).argmax()
            if abs(values[worst] - nearest[worst]) * model.fixed.size > 1.0:
                raise ValueError(
                    f"target {target.name} must give phase {phase} a share in "
                    f"[{low:g}, {low + free:g}] with these sections, got {values[worst]:g}."
                )


def _checked_place(place, shape):
    if not (isinstance(place, tuple) and len(place) == 2):
        raise ValueError(f"sections must have keys (axis, position), got {place!r}.")
    axis, position = place
    check_integer("axis of a section", axis, 0, below=3)
    check_integer("position of a section", position, 0, below=shape[axis])
    return int(axis), int(position)
