"""Hybrid: a Wasserstein GAN with a second optimizer on calibrated descriptors.

The networks are those of the WGAN-GP. In every iteration the generator is updated
twice: once against the critic, once by an optimizer of its own on

    L = lambda E_z sum_j mean_k (I_j(G(z))_k - r_jk)^2                       (Eq. 4)

with targets r_j calibrated as in a GIN (Singh et al. 2018, Sec. 2.3).
"""

from typing import ClassVar

import numpy as np

from ..conditioning import described
from ..images import check_stack
from ..parameters import MODEL, parameter
from ..rules import anything
from ._adversarial import LIGHT, AdversarialGenerator
from ._invariances import (
    LIGHT_PROJECTION,
    HasProjection,
    calibrated_loss,
    calibrated_targets,
    projection,
)


class HybridGAN(HasProjection, AdversarialGenerator):
    """WGAN-GP whose generator is also trained to meet descriptors.

    The critic sees all training images, the descriptors are calibrated on one image or
    on all. The defaults are the published settings; :meth:`light` trains in minutes on
    two cores.

    Attributes
    ----------
    targets_ : dict of str to ndarray
        Calibrated targets by descriptor name.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``,
        ``"generator"`` and ``"projection0"``.

    See Also
    --------
    GIN : The same descriptors without a critic.
    InvNetGenerator : Takes targets as inputs of the network.

    References
    ----------
    .. [1] R. Singh et al., "Physics-aware deep generative models for creating synthetic
       microstructures", 2018.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import HybridGAN
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = HybridGAN.light(calibration=X[0], n_iter=2, n_level_steps=5).fit(X)
    >>> bool(abs(generator.targets_["p2"][0] - p1[0]) < 1e-6)
    True
    """

    calibration: object = parameter(
        None,
        anything("array-like of shape (n, *spatial) or of one image, or None"),
        """Images, or one image, whose mean descriptors are the targets; ``None`` means the
        training images.""",
        MODEL,
    )

    _light: ClassVar = LIGHT | LIGHT_PROJECTION

    def _measured_descriptors(self):
        return self.invariances

    def _untrained(self):
        return {"targets_": self._calibrated()}

    def _calibrated(self):
        table = self.conditions_
        if self.calibration is None:
            return calibrated_targets(table.measured, table.measured_rows)
        shape = np.shape(self.calibration)
        images = [self.calibration] if shape == self.image_shape_ else self.calibration
        if np.shape(images)[1:] not in (self.image_shape_, (self.n_features_in_,)):
            got = f"shape {shape}" if shape else f"{self.calibration!r}"
            raise ValueError(
                f"calibration must hold images of shape {self.image_shape_} or be one, got {got}."
            )
        try:
            refused_by = {"refused_by": type(self).__name__}
            images = check_stack("calibration", images, self.image_shape_, **refused_by)
            rows = described(table.measured, images)
        except (TypeError, ValueError) as error:
            raise type(error)(f"calibration must hold images like X: {error}") from error
        return calibrated_targets(table.measured, rows)

    def _training_step(self, networks, rng):
        like = next(networks["generator"].parameters())
        loss = calibrated_loss(
            self.conditions_.measured, self.targets_, self.projection_weight, like
        )
        terms = [projection(self, loss, self.n_level_steps)]
        return self._contest(networks, rng, projections=terms)
