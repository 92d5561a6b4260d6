"""GIN: a generator trained on descriptors alone.

The critic of a GAN is replaced with a check of known descriptors I_j. Calibration takes
their targets r_j from one image, or as means over several; training minimises

    L = lambda E_z sum_j mean_k (I_j(G(z))_k - r_jk)^2                       (Eq. 4)

over generated images (Singh et al. 2018, Sec. 2.2). Since S2(0) = p1, the curve alone
fixes the volume fraction as well (Sec. 3.3.1). Nothing but the noise makes the images
differ, and nothing but the descriptors makes them resemble the material.
"""

from .._checks import check_betas, check_choice, check_integer, check_real
from ..descriptors import TwoPointCorrelation
from ..losses import IsotropyLoss
from ..networks import field_generator, light_generator
from ..training import Projection, invariance_step
from ._invariances import calibrated_loss, calibrated_targets, check_descriptors, measured_by
from ._network import NetworkGenerator

ARCHITECTURES = {"field": field_generator, "light": light_generator}
LIGHT = {
    "n_latent": 8,
    "architecture": "light",
    "width": 16,
    "periodic": True,
    "n_iter": 1000,
    "batch_size": 16,
    "learning_rate": 2e-3,
    "betas": (0.0, 0.99),
    "hard_projection": True,
    "isotropic": True,
    "average_decay": 0.99,
    "decay_from": 0.5,
}


class GIN(NetworkGenerator):
    """Generative invariance network: no critic, only descriptors to meet.

    One image is enough to fit it. The defaults are the published settings;
    :meth:`light` takes a fully convolutional network, which trains in a minute or two on
    two cores and also makes larger images: ``sample(n, shape=(256, 256))``.

    Parameters
    ----------
    invariances : sequence of str or BaseDescriptor, default=("p2",)
        Descriptors whose means over the training images the generated ones are to
        have: names or descriptor objects, such as
        ``TwoPointCorrelation(max_lag=8)`` for the initial part of the curve only. A name
        stands for default parameters, and for images that are ``periodic`` or not.
    n_latent : int, default=1
        Noise numbers per voxel; in the light architecture per voxel of its coarsest
        grid.
    architecture : {"field", "light"}, default="field"
        ``"field"``: the paper's network, with a linear layer that joins all voxels;
        ``"light"``: convolutions only, images of any size.
    width : int, default=32
        Channels of the finest feature map.
    periodic : bool, default=False
        Whether training images are periodic: descriptors given by name wrap around the
        borders, and the light architecture makes periodic images.
    n_iter : int, default=15000
        Iterations of training.
    batch_size : int, default=32
        Images per step.
    learning_rate : float, default=1e-5
        Rate of Adam.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's moments.
    hard_projection : bool, default=False
        Measure invariances on decoded images, with gradients straight through the
        decoding, instead of on the phase probabilities.
    isotropic : bool, default=False
        Also minimise the difference between directions in the mean two-point
        correlation of a batch, for materials without a preferred direction: radial
        curves do not see it.
    average_decay : float, default=0.0
        Decay of an average of the generator's weights; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which the learning rate falls linearly to zero.
    target_tol : float, default=0.01
        Root mean square error up to which a target counts as met; images that miss a
        condition are corrected, for other targets latents are searched.
    image_shape : tuple of int or None, default=None
        Shape of the image behind a flat row.
    device : str or torch.device, default="auto"
        ``"auto"`` takes a CUDA device where there is one.
    precision : {"auto", "float32", "float64"}, default="auto"
        Floating-point type; ``"auto"`` is single precision.
    random_state : None, int or RandomState, default=None
        Seed of weights and latents.
    callbacks : sequence of callable or None, default=None
        Each is called as ``callback(iteration, history)`` after an iteration; a true
        answer ends the training.
    checkpoint : path-like or None, default=None
        File for the state of the training, which ``fit`` resumes from.
    checkpoint_every : int, default=1000
        Iterations between two checkpoints.
    verbose : int, default=0
        Show a progress bar when positive.

    Attributes
    ----------
    targets_ : dict of str to ndarray
        Calibrated targets by descriptor name.
    generator_ : torch.nn.Module
        The trained generator.
    history_ : dict of str to ndarray
        The loss of every iteration, ``"invariance"``.
    n_iter_ : int
        Iterations trained.
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray or None
        Sorted labels; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.

    See Also
    --------
    HybridGAN : The same invariances beside a critic.
    GaussianRandomField : Meets a two-point correlation without training.

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

    _min_images = 1

    def __init__(
        self,
        invariances=("p2",),
        *,
        n_latent=1,
        architecture="field",
        width=32,
        periodic=False,
        n_iter=15_000,
        batch_size=32,
        learning_rate=1e-5,
        betas=(0.9, 0.999),
        hard_projection=False,
        isotropic=False,
        average_decay=0.0,
        decay_from=1.0,
        target_tol=0.01,
        image_shape=None,
        device="auto",
        precision="auto",
        random_state=None,
        callbacks=None,
        checkpoint=None,
        checkpoint_every=1000,
        verbose=0,
    ):
        self.invariances = invariances
        self.n_latent = n_latent
        self.architecture = architecture
        self.width = width
        self.periodic = periodic
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.hard_projection = hard_projection
        self.isotropic = isotropic
        self.average_decay = average_decay
        self.decay_from = decay_from
        self.target_tol = target_tol
        self.image_shape = image_shape
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose

    @classmethod
    def light(cls, **overrides):
        """Return an instance whose settings train in a minute or two on two CPU cores.

        Parameters
        ----------
        **overrides : any
            Parameters that replace those of the preset.

        Returns
        -------
        generator : GIN
            An ordinary, unfitted estimator.
        """
        return cls(**(LIGHT | overrides))

    @property
    def targets_(self):
        """Calibrated targets by descriptor name."""
        table = self.conditions_
        return calibrated_targets(table.matched, table.matched_rows)

    def _check_parameters(self):
        super()._check_parameters()
        check_descriptors("invariances", self.invariances, n_least=1)
        check_choice("architecture", self.architecture, ARCHITECTURES)
        check_integer("width", self.width, minimum=2)
        check_choice("periodic", self.periodic, (True, False))
        check_choice("hard_projection", self.hard_projection, (True, False))
        check_choice("isotropic", self.isotropic, (True, False))
        check_betas(self.betas)
        check_real("average_decay", self.average_decay, 0.0, 1.0, open_high=True)
        check_real("decay_from", self.decay_from, 0.0, 1.0)

    def _matched_descriptors(self):
        return self.invariances

    def _networks(self):
        make = ARCHITECTURES[self.architecture]
        return {
            "generator": lambda: make(
                self.n_latent,
                self.conditions_.whitening,
                self.encoder_.n_channels,
                self.image_shape_,
                width=self.width,
                periodic=self.periodic,
            )
        }

    def _training_step(self, networks, rng):
        generator = networks["generator"]
        like = next(generator.parameters())
        losses = [calibrated_loss(self.conditions_.matched, self.targets_, 1.0, like)]
        if self.isotropic:
            correlation = TwoPointCorrelation(output="map", periodic=self.periodic)
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
