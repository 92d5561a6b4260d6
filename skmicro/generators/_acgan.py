"""AC-GAN: the critic also tells the conditions of an image.

    L_D = E_z[D(G(z, r))] - E_x[D(x)] + penalty + mu E_x |c(x) - r(x)|^2
    L_G = -E_z[D(G(z, r))] + mu E_z,r |c(G(z, r)) - r|^2

(Odena et al. 2017; continuous conditions make the classification a regression, and the
adversarial loss is that of the other models). The auxiliary network c learns from
images what a descriptor knows by definition.
"""

from .._checks import check_real
from ..losses import AttributeLoss
from ._adversarial import ConditionalGenerator, adversarial_networks, adversarial_step


class ACGAN(ConditionalGenerator):
    """Auxiliary-classifier Wasserstein GAN.

    The defaults are those of InvNet, with which it is compared; :meth:`light` trains in
    minutes on two cores.

    Parameters
    ----------
    conditions : sequence of str or BaseDescriptor, default=("p1",)
        Differentiable descriptors whose values are inputs of the generator: names or
        descriptor objects. A name stands for default parameters, and for images that
        are ``periodic`` or not; objects are taken as they are.
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
    attribute_weight : float, default=1.0
        Factor of the auxiliary losses.
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
    generator_ : torch.nn.Module
        The trained generator.
    critic_ : torch.nn.Module
        The trained critic.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``, ``"generator"``.
    n_iter_ : int
        Iterations trained.
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray or None
        Sorted labels; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.
    conditions_ : ConditionTable
        The conditions, with their values in the training images.

    See Also
    --------
    InvNetGenerator : Measures the descriptors instead of learning them.
    ConditionalGAN : Its critic sees the conditions.

    References
    ----------
    .. [1] A. Odena, C. Olah and J. Shlens, "Conditional image synthesis with auxiliary
       classifier GANs", ICML 2017.
    .. [2] A. Joshi et al., "InvNet: encoding geometric and statistical invariances in
       deep generative models", AAAI 2020.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import ACGAN
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = ACGAN.light(n_iter=5, random_state=0).fit(X)
    >>> generator.sample(3, p1=0.5, exact=True, random_state=0).mean()
    np.float64(0.5)
    """

    def __init__(
        self,
        conditions=("p1",),
        *,
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
        attribute_weight=1.0,
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
        self.conditions = conditions
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
        self.attribute_weight = attribute_weight
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

    def _check_parameters(self):
        super()._check_parameters()
        check_real("attribute_weight", self.attribute_weight, 0.0)

    def _networks(self):
        return adversarial_networks(self, n_attributes=self.conditions_.n_columns)

    def _training_step(self, networks, rng):
        attributes = AttributeLoss(self.conditions_.whitened, self.attribute_weight)
        return adversarial_step(self, networks, rng, auxiliaries=[attributes])
