"""GIN: a generator trained on descriptors alone.

The critic of a GAN is replaced with a check of known descriptors I_j. Calibration takes
their targets r_j from one image, or as means over several; training minimises

    L = lambda E_z sum_j mean_k (I_j(G(z))_k - r_jk)^2                       (Eq. 4)

over generated images (Singh et al. 2018, Sec. 2.2). Since S2(0) = p1, the curve alone
fixes the volume fraction as well (Sec. 3.3.1). Nothing but the noise makes the images
differ, and nothing but the descriptors makes them resemble the material.
"""

from typing import ClassVar

from ..descriptors import TwoPointCorrelation
from ..losses import IsotropyLoss
from ..networks import field_generator, light_generator
from ..parameters import MODEL, parameter
from ..rules import boolean
from ..training import Projection, invariance_step
from ._architectures import architecture, makers
from ._groups import HasAverage, HasLatents, HasMoments
from ._invariances import HasInvariances, calibrated_loss, calibrated_targets, measured_by
from ._network import NetworkGenerator

ARCHITECTURES = {"field": (field_generator,), "light": (light_generator,)}
LIGHT = {
    "n_latent": 8,
    "architecture": "light",
    "width": 16,
    "periodic": None,
    "n_iter": 1000,
    "batch_size": 16,
    "learning_rate": 2e-3,
    "betas": (0.0, 0.99),
    "hard_projection": True,
    "isotropic": True,
    "average_decay": 0.99,
    "decay_from": 0.5,
}


class GIN(HasInvariances, HasLatents, HasMoments, HasAverage, NetworkGenerator):
    """Generative invariance network, trained on descriptors without a critic.

    It can be fitted on one image. The defaults are the published settings;
    :meth:`light` uses a fully convolutional network, which trains in a minute or two on
    two cores and also generates larger images: ``sample(n, shape=(256, 256))``.

    Attributes
    ----------
    targets_ : dict of str to ndarray
        Calibrated targets by descriptor name.
    history_ : dict of str to ndarray
        The loss of every iteration, ``"invariance"``.

    See Also
    --------
    HybridGAN : The same invariances with a critic.
    GaussianRandomField : Reproduces a two-point correlation without training.

    References
    ----------
    .. [1] R. Singh et al., "Physics-aware deep generative models for creating synthetic
       microstructures", 2018.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import GIN
    >>> X, p1 = make_cahn_hilliard(1, (32, 32), random_state=0)
    >>> generator = GIN.light(n_iter=5, random_state=0).fit(X)
    >>> generator.sample(2, shape=(64, 64), random_state=0).shape
    (2, 64, 64)
    """

    n_latent: int = 1
    architecture: object = parameter(
        "field",
        architecture(ARCHITECTURES, "generator"),
        """``"field"``: the paper's network, with a linear layer that joins all voxels, and
        ``n_latent`` numbers per voxel; ``"light"``: convolutions only, images of any size. Or a
        function that returns your own network, in a tuple, called as ``make_generator(n_latent,
        whitening, n_channels, shape, width=, periodic=)``.""",
        MODEL,
    )
    width: int = 32
    n_iter: int = 15_000
    learning_rate: float = 1e-5
    betas: tuple = (0.9, 0.999)
    isotropic: bool = parameter(
        False,
        boolean(),
        """Also minimise the difference between directions in the mean two-point correlation of
        a batch, for isotropic materials: radial curves do not depend on directions.""",
    )

    _min_images = 1
    _light: ClassVar = LIGHT

    @property
    def targets_(self):
        """Calibrated targets by descriptor name."""
        table = self.conditions_
        return calibrated_targets(table.measured, table.measured_rows)

    def _measured_descriptors(self):
        return self.invariances

    def _networks(self):
        made = self._made
        (make,) = makers(made.architecture, ARCHITECTURES)
        inputs = (made.n_latent, self.conditions_.whitening, self.encoder_.n_channels)
        settings = {"width": made.width, "periodic": self._wraps}
        return {"generator": lambda: make(*inputs, self.image_shape_, **settings)}

    def _training_step(self, networks, rng):
        generator = networks["generator"]
        like = next(generator.parameters())
        losses = [calibrated_loss(self.conditions_.measured, self.targets_, 1.0, like)]
        if self.isotropic:
            correlation = TwoPointCorrelation(output="map", periodic=self._wraps)
            losses.append(IsotropyLoss(correlation._bind(self.encoder_, self.image_shape_)))
        return invariance_step(
            generator,
            [Projection(losses, measured_by(self))],
            learning_rate=self.learning_rate,
            rng=rng,
            betas=self.betas,
            average_decay=self.average_decay,
            decay_from=self.decay_from,
        )
