"""What generators that flow from noise to images have in common: sampling, and filling.

A subclass learns the velocity ``generator_(x, t, conditions)``; see
:mod:`skmicro.generators._flow_matching`.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._random import draw_seed
from .._typing import Seed
from ..conditioning import read_targets, warn_missed, warn_outside
from ..flows import METHODS, FlowModel, damaged_images, inpainted
from ..parameters import SAMPLING, check_parameters, parameter
from ..rules import choice, integer, optional, real
from ._network import NetworkGenerator


class FlowGenerator(NetworkGenerator):
    """Base class of generators whose network is the velocity of a flow.

    Attributes
    ----------
    p_drop_ : float
        How often the last training went without conditions.
    """

    n_steps: int = parameter(
        3,
        integer(1),
        """Steps in time from noise to image, early ones shorter. ``n_steps``, ``method`` and
        ``guidance`` control the sampling and may be changed after ``fit``.""",
        SAMPLING,
    )
    method: str = parameter(
        "midpoint",
        choice(*METHODS),
        """``"midpoint"`` and ``"heun"`` evaluate the network twice in each step, with an error of
        second order; ``"euler"`` once.""",
        SAMPLING,
    )
    guidance: float = parameter(
        1.0,
        real(),
        """Factor g of the conditions' contribution to the velocity, v_0 + g (v_r - v_0) with v_0
        the velocity without conditions. Values other than 1 need ``p_drop`` and evaluate the
        network twice as often; those above 1 make images more typical of their conditions and less
        diverse.""",
        SAMPLING,
    )

    restart_time: float | None = parameter(
        0.5,
        optional(real(0.0, 1.0, open_low=True, open_high=True)),
        """Time between 0 and 1 to which images of phases are taken back with new noise, to
        predict their phases again, in one evaluation of the network; ``None`` disables it. This
        removes single wrong voxels at borders; the earlier the time, the smoother the borders.
        Grey levels have no restart.""",
        SAMPLING,
    )

    _implied: ClassVar = {"restart_time": None}

    def inpaint(
        self,
        X: ArrayLike,
        mask: ArrayLike | None = None,
        *,
        random_state: Seed = None,
        periodic: bool | None = None,
        **targets: float | ArrayLike,
    ):
        """Fill regions of images (inpainting); all other voxels are kept.

        Conditions that are not given are measured after a first filling, which uses the
        conditions of an average training image.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images of any size with the phases or grey levels seen in ``fit``; their values
            are ignored where the mask is true.
        mask : array-like of bool or None, default=None
            True for the voxels to fill; of the shape of ``X`` or of one image. ``None``
            means the unknown voxels of ``X``, masked or NaN.
        random_state : None, int, RandomState or Generator, default=None
            Source of noise: different seeds give different fillings.
        periodic : bool or None, default=None
            Whether opposite borders of the images match; ``None`` means ``periodic_``.
        **targets : float or array-like
            Conditions of the whole images by name, as in :meth:`sample`.

        Returns
        -------
        images : ndarray of the shape of ``X``
            The filled images, in a type that holds the values of ``X`` and of the training
            images.

        Raises
        ------
        ValueError
            If the mask has another shape or is missing, a target is not a condition, or the
            images have unseen phases or unknown voxels outside the mask.
        TypeError
            If the mask is not boolean.

        Warns
        -----
        ExtrapolationWarning
            If a target lies outside the range of the training images.
        TargetWarning
            If a target is missed by more than ``target_tol``.

        Notes
        -----
        Takes twelve steps of ``method``, each of them eight times, regardless of ``n_steps``.
        """
        check_is_fitted(self)
        model = self._model()
        images, unknown = damaged_images(model, X, mask)
        model = self._resized(model, images.shape[1:], periodic)
        table = model.conditions
        _check_conditions(set(targets) - {"volume_fraction"}, table)
        wanted = read_targets(targets, table, model.encoder, model.image_shape, len(images))
        _check_conditions([target.name for target in wanted], table)
        warn_outside(wanted, table.ranges)
        given = table.given(len(images), wanted)
        filled = inpainted(model, images, unknown, given, draw_seed(random_state))
        warn_missed(filled, wanted, self.target_tol, model.image_shape)
        return filled.reshape(np.shape(X))

    def _model(self):
        check_parameters(self, SAMPLING)
        self._check_guidance(self.p_drop_, self.conditions_.n_columns)
        return FlowModel(
            network=self.generator_,
            n_steps=self.n_steps,
            method=self.method,
            guidance=self.guidance,
            restart_time=self.restart_time,
            **self._shared_parts(),
        )

    def _check_guidance(self, p_drop, n_conditions):
        """Raise if there is guidance by conditions that training never went without."""
        if self.guidance != 1.0 and p_drop == 0 and n_conditions > 0:
            raise ValueError(
                "guidance must be 1 where training with p_drop=0 never went without conditions, "
                f"got {self.guidance}."
            )


def _check_conditions(names, table):
    for name in names:
        if name not in table.names:
            raise ValueError(f"targets must be conditions, {table.names}, got {name!r}.")
