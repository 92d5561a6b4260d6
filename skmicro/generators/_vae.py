"""Variational autoencoder: an encoder that tells distributions of latents, and a generator.

The weight beta of the divergence from the prior is that of Higgins et al. 2017; see
:mod:`skmicro.losses.variational` for the objective.
"""

from .._checks import check_real
from ._encoder_generator import EncoderGenerator


class VAE(EncoderGenerator):
    r"""Variational autoencoder, with a weight ``beta`` of the order among the latents.

    Minimises

    .. math::

        L = -\log p(x \mid z) + \beta \, D_{KL}(q(z \mid x) \,\|\, N(0, 1)),
        \qquad z \sim q(z \mid x) = N(\mu(x), \sigma^2(x)),

    with an encoder network that tells :math:`\mu` and :math:`\sigma` of an image.
    :meth:`transform` is :math:`\mu`, one evaluation of the network; no search. Trains without an
    adversary. Images of phases with many borders come out smoother than they are.

    Parameters
    ----------
    n_latent : int, default=32
        Width of the latent vector z, standard normal.
    beta : float, default=1.0
        Weight of the divergence. More draws codes together, which makes samples of the prior
        more like the training images and latents independent of each other, and makes
        reconstructions worse; latents that are not worth their price go unused.
    width : int, default=32
        Channels of the finest feature map; four times as many in the coarsest.
    periodic : bool, default=False
        Whether training images are periodic: convolutions wrap around the borders, and
        so do descriptors given by name.
    n_iter : int, default=20000
        Iterations of training.
    batch_size : int, default=32
        Images per step.
    learning_rate : float, default=1e-3
        Rate of Adam.
    symmetries : sequence of {"translation", "reflection", "rotation"}, default=()
        Symmetries of the material, by which training images are moved at random.
    decay_from : float, default=0.5
        Share of the training after which the learning rate falls linearly to zero.
    target_tol : float, default=0.01
        Root mean square error up to which a target counts as met; latents are searched.
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
        The trained generator, which is the decoder.
    encoder_network_ : torch.nn.Module
        The trained encoder, means and logarithms of variances of the latents side by side.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"reconstruction"`` and ``"divergence"``.
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
    Autoencoder : The same without a distribution of latents.
    FlowMatchingGenerator : Sharper images and targets as inputs, but as many latents as voxels.

    Notes
    -----
    Phases are categorical: the first term is the cross-entropy of the voxels. Grey levels,
    scaled to [0, 1], are normal with variance 1/2: it is the squared error. Both terms are
    sums over voxels and latents, so that ``beta=1`` is the bound of the likelihood.

    :meth:`light` sets ``width=16``, ``n_iter=2000``, ``batch_size=16``.

    References
    ----------
    .. [1] D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained
       variational framework", ICLR 2017.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import VAE
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = VAE.light(n_latent=4, n_iter=5, random_state=0).fit(X)
    >>> generator.transform(X).shape
    (32, 4)
    >>> generator.traverse(X[0], 2, n_steps=5).shape
    (5, 16, 16)
    """

    def __init__(
        self,
        n_latent=32,
        *,
        beta=1.0,
        width=32,
        periodic=False,
        n_iter=20_000,
        batch_size=32,
        learning_rate=1e-3,
        symmetries=(),
        decay_from=0.5,
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
        self.n_latent = n_latent
        self.beta = beta
        self.width = width
        self.periodic = periodic
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.symmetries = symmetries
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
        check_real("beta", self.beta, 0.0)

    def _training_step(self, networks, rng):
        return self._autoencoding_step(networks, rng, self.beta)
