"""Hybrid: a Wasserstein GAN with a second optimizer on calibrated descriptors.

The networks are those of the WGAN-GP. In every iteration the generator is updated
twice: once against the critic, once by an optimizer of its own on

    L = lambda E_z sum_j mean_k (I_j(G(z))_k - r_jk)^2                       (Eq. 4)

with targets r_j calibrated as in a GIN (Singh et al. 2018, Sec. 2.3).
"""

import numpy as np

from ..conditioning import described
from ._adversarial import AdversarialGenerator, adversarial_step
from ._invariances import (
    LIGHT_PROJECTION,
    calibrated_loss,
    calibrated_targets,
    check_descriptors,
    check_projection_parameters,
    projection,
)


class HybridGAN(AdversarialGenerator):
    """WGAN-GP whose generator also has to meet descriptors.

    The critic sees all training images, the descriptors are calibrated on one image or
    on all. The defaults are the published settings; :meth:`light` trains in minutes on
    two cores.

    Parameters
    ----------
    invariances : sequence of str or BaseDescriptor, default=("p2",)
        Descriptors whose calibrated values the generated images are to have: names or
        descriptor objects. A name stands for default parameters, and for images that
        are ``periodic`` or not; objects are taken as they are.
    calibration : array-like of shape (n, *spatial) or of one image, or None, default=None
        Images, or one image, whose mean descriptors are the targets; ``None`` stands
        for the training images.
    n_latent : int, default=128
        Width of the latent vector z, standard normal; in the light architecture the
        latent numbers per voxel of its coarsest grid.
    architecture : {"residual", "light", "dense"}, default="residual"
        ``"residual"``: the paper's residual blocks; ``"light"``: a network that works
        at half the resolution and below and makes homogeneous images of any size;
        ``"dense"``: the same for images whose objects have places.
    width : int, default=64
        Channels of the finest feature map.
    periodic : bool, default=False
        Whether training images are periodic: convolutions wrap around the borders, and
        so do descriptors given by name.
    n_iter : int, default=100000
        Iterations of training.
    batch_size : int, default=32
        Images per step.
    learning_rate : float, default=1e-4
        Rate of Adam.
    betas : tuple of float, default=(0.0, 0.9)
        Decay rates of Adam's moments.
    n_critic : int, default=5
        Critic steps per iteration.
    gradient_penalty : float, default=10.0
        Weight of the gradient penalty.
    n_projection : int, default=1
        Projection steps per iteration; 0 adds the invariance loss to the loss of the
        generator's own step instead (Eq. 2).
    projection_weight : float, default=1.0
        Factor of the invariance loss.
    projection_rate : float or None, default=None
        Rate of the projection's Adam; ``None`` takes ``learning_rate``.
    n_calibration : int, default=0
        Steps after the training in which only the level of the light architecture's
        logits is trained, on the invariance loss alone. They reduce the bias that the
        contest with the critic leaves in phase fractions.
    hard_projection : bool, default=False
        Measure invariances on decoded images, with gradients straight through the
        decoding, instead of on the phase probabilities.
    symmetries : sequence of {"translation", "reflection", "rotation"}, default=()
        Symmetries of the material, by which training images are moved at random.
    average_decay : float, default=0.0
        Decay of an average of the generator's weights; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall linearly to zero.
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
        Seed of weights, batches and latents.
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
    critic_ : torch.nn.Module
        The trained critic.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``,
        ``"generator"`` and ``"projection0"``.
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
    >>> generator = HybridGAN.light(calibration=X[0], n_iter=5, random_state=0).fit(X)
    >>> bool(abs(generator.targets_["p2"][0] - p1[0]) < 1e-6)
    True
    """

    def __init__(
        self,
        invariances=("p2",),
        *,
        calibration=None,
        n_latent=128,
        architecture="residual",
        width=64,
        periodic=False,
        n_iter=100_000,
        batch_size=32,
        learning_rate=1e-4,
        betas=(0.0, 0.9),
        n_critic=5,
        gradient_penalty=10.0,
        n_projection=1,
        projection_weight=1.0,
        projection_rate=None,
        n_calibration=0,
        hard_projection=False,
        symmetries=(),
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
        self.calibration = calibration
        self.n_latent = n_latent
        self.architecture = architecture
        self.width = width
        self.periodic = periodic
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.n_critic = n_critic
        self.gradient_penalty = gradient_penalty
        self.n_projection = n_projection
        self.projection_weight = projection_weight
        self.projection_rate = projection_rate
        self.n_calibration = n_calibration
        self.hard_projection = hard_projection
        self.symmetries = symmetries
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
    def _preset(cls):
        return super()._preset() | LIGHT_PROJECTION

    def _check_parameters(self):
        super()._check_parameters()
        check_projection_parameters(self)
        check_descriptors("invariances", self.invariances, n_least=1)

    def _matched_descriptors(self):
        return self.invariances

    def _learn(self, images, rows, task, checkpointed=True):
        self.targets_ = self._calibrated()
        super()._learn(images, rows, task, checkpointed)

    def _calibrated(self):
        table = self.conditions_
        if self.calibration is None:
            return calibrated_targets(table.matched, table.matched_rows)
        images = np.asarray(self.calibration)
        images = images[None] if images.shape == self.image_shape_ else images
        if images.shape[1:] not in (self.image_shape_, (self.n_features_in_,)):
            got = f"shape {np.shape(self.calibration)}" if images.ndim else f"{self.calibration!r}"
            raise ValueError(
                f"calibration must hold images of shape {self.image_shape_} or be one, got {got}."
            )
        try:
            rows = described(table.matched, images)
        except (TypeError, ValueError) as error:
            raise type(error)(f"calibration must hold images like X: {error}") from error
        return calibrated_targets(table.matched, rows)

    def _training_step(self, networks, rng):
        like = next(networks["generator"].parameters())
        loss = calibrated_loss(
            self.conditions_.matched, self.targets_, self.projection_weight, like
        )
        terms = [projection(self, loss, self.n_calibration)]
        return adversarial_step(self, networks, rng, projections=terms)
