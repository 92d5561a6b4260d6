"""InvNet: a generator that takes descriptors of its images as inputs.

The generator sees [z, r], r being descriptors I_j of an image; the critic never sees r.
One iteration is a three-way update (Joshi et al. 2020, Alg. 1): the generator against
the critic, the critic, and the *projection*, generator steps on

    L_I = E_z,r sum_j mean_k (I_j(G(z, r))_k - r_jk)^2                       (Eq. 8)

with an optimizer of its own. The conditions r are those of the real images of a batch,
so that they follow the joint distribution of the data.
"""

from .._checks import check_real
from ..losses import DescriptorLoss, MomentLoss
from ._adversarial import AdversarialGenerator, adversarial_step
from ._invariances import (
    LIGHT_PROJECTION,
    check_descriptors,
    check_projection_parameters,
    projection,
)


class InvNetGenerator(AdversarialGenerator):
    """InvNet: conditional Wasserstein GAN with an invariance loss.

    The defaults are the published settings (16 hours on a V100 in the paper);
    :meth:`light` trains in minutes on two cores.

    Parameters
    ----------
    invariances : sequence of str or BaseDescriptor, default=("p1",)
        Differentiable descriptors that the network takes as conditions and is trained
        to meet: names, such as ``"p1"``, ``"phase_fractions"``, ``"p2"`` or ``"area"``,
        or descriptor objects. A name stands for default parameters, and for images
        that are ``periodic`` or not; objects are taken as they are.
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
    n_projection : int, default=5
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
    matching : sequence of str or BaseDescriptor, default=()
        Descriptors whose mean over a generated batch is drawn to that of training
        images with the same conditions; the spread is left to the critic.
    matching_weight : float, default=1.0
        Factor of this loss.
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
        Losses of every iteration: ``"critic"``, ``"penalty"``,
        ``"generator"``, ``"projection0"`` (invariances) and ``"projection1"`` (matching).
    n_iter_ : int
        Iterations trained.
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray or None
        Sorted labels; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.
    conditions_ : ConditionTable
        The invariances, with their values in the training images.

    See Also
    --------
    WGANGP : The same without conditions.

    References
    ----------
    .. [1] A. Joshi et al., "InvNet: encoding geometric and statistical invariances in
       deep generative models", AAAI 2020.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import InvNetGenerator
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = InvNetGenerator.light(n_iter=5, random_state=0).fit(X)
    >>> generator.sample(3, p1=0.5, exact=True, random_state=0).mean()
    np.float64(0.5)
    """

    def __init__(
        self,
        invariances=("p1",),
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
        n_projection=5,
        projection_weight=1.0,
        projection_rate=None,
        n_calibration=0,
        hard_projection=False,
        matching=(),
        matching_weight=1.0,
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
        self.matching = matching
        self.matching_weight = matching_weight
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
        matching = {"matching": ("p2",), "matching_weight": 5000.0}
        return super()._preset() | LIGHT_PROJECTION | matching

    def _check_parameters(self):
        super()._check_parameters()
        check_projection_parameters(self)
        check_real("matching_weight", self.matching_weight, 0.0)
        check_descriptors("invariances", self.invariances, n_least=1)
        check_descriptors("matching", self.matching)

    def _condition_descriptors(self):
        return self.invariances

    def _matched_descriptors(self):
        return self.matching

    def _moment_loss(self, generator):
        table, like = self.conditions_, next(generator.parameters())
        return MomentLoss(
            table.matched,
            table.whitened(like.new_tensor(table.rows)),
            like.new_tensor(table.matched_rows),
            table.whitened,
            self.matching_weight,
        )

    def _training_step(self, networks, rng):
        invariance = DescriptorLoss(self.conditions_.descriptors, self.projection_weight)
        projections = [projection(self, invariance, self.n_calibration)]
        if self.conditions_.matched:
            projections.append(projection(self, self._moment_loss(networks["generator"])))
        return adversarial_step(self, networks, rng, projections=projections)
