"""Flow matching: noise becomes an image along the velocity that a network has learned.

The flow starts from white noise, one normal number for each voxel, and follows

    dx/dt = v(x, t, r),    t = 0 ... 1,

to an image with conditions r. The velocity is learned by regression on straight lines from
noise to images (see :mod:`skmicro.losses.matching`): no adversary, no penalty. Backwards, the
same flow takes an image to its noise.
"""

import copy

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .. import _arrays
from .._random import torch_generator
from .._validation import (
    check_choice,
    check_image_shape,
    check_images,
    check_integer,
    check_real,
    check_sequence,
)
from ..augment import SYMMETRIES, Symmetries
from ..networks import flow_unet
from ..training import CropBatches, MatchingStep, random_crops
from ._flow import METHODS, arc, flow_channels, flow_end, integrate, n_flow_channels
from ._invariances import check_descriptors
from ._network import NetworkGenerator

N_DESCRIBED = 256
LIGHT = {"n_iter": 700, "average_decay": 0.995}


class FlowMatchingGenerator(NetworkGenerator):
    """Flow matching with descriptors as conditions, any subset of which may be given.

    Trains without an adversary, and so without its instabilities. The defaults train for half
    an hour on two cores; :meth:`light` for a few minutes.

    Parameters
    ----------
    conditions : sequence of str or BaseDescriptor, default=("p1",)
        Differentiable descriptors that the network takes as conditions: names, such as
        ``"p1"``, ``"phase_fractions"`` or ``"p2"``, or descriptor objects; may be empty. A
        name stands for default parameters, and for images that are ``periodic`` or not.
    n_steps : int, default=8
        Steps in time from noise to image. This, ``method`` and ``guidance`` belong to
        sampling and may be changed after ``fit``.
    method : {"heun", "euler"}, default="heun"
        ``"heun"`` evaluates the network twice in each step, with an error of second order.
    guidance : float, default=1.0
        Factor g of what the conditions add to the velocity, v_0 + g (v_r - v_0) with v_0
        the velocity without conditions. Values other than 1 evaluate the network twice
        as often; those above 1 make images more typical of their conditions and less diverse.
    p_drop : float, default=0.1
        Probability that an image is trained on without conditions, and without each one of
        them; between 0 and 1.
    width : int, default=32
        Channels at half the resolution; twice as many below.
    periodic : bool, default=False
        Whether training images are periodic: convolutions wrap around the borders, and
        so do descriptors given by name.
    crop_shape : tuple of int or None, default=None
        Train on windows of this shape, cut from larger images at random places in every
        step, so that one image is enough. ``image_shape_`` and everything
        after ``fit`` is about images of this shape.
    n_iter : int, default=5000
        Iterations of training.
    batch_size : int, default=32
        Images per step.
    learning_rate : float, default=2e-3
        Rate of Adam.
    symmetries : sequence of {"translation", "reflection", "rotation"}, default=()
        Symmetries of the material, by which training images are moved at random.
        Translations are rolls and are for periodic images.
    average_decay : float, default=0.999
        Decay of an average of the network's weights; 0 keeps the last weights.
    decay_from : float, default=0.5
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
        Seed of weights, batches and noise.
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
        The trained network, ``generator_(x, t, conditions) -> velocity``.
    history_ : dict of str to ndarray
        ``"matching"``, the regression loss of every iteration.
    n_iter_ : int
        Iterations trained.
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray or None
        Sorted labels; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.
    conditions_ : ConditionTable
        The conditions, with their values in the training images (in 256 windows of them,
        with ``crop_shape``).

    See Also
    --------
    InvNetGenerator : Makes an image in one evaluation of its network.

    Notes
    -----
    Conditions that are not given to :meth:`sample` are not drawn from the training images:
    the network does without them, and ``return_targets`` has NaN in their place.

    The latents are the noise itself, as many numbers as voxels (times the phases, if
    there are three or more). :meth:`transform` is the flow backwards from the image: a round
    trip up to the error of the integration, which falls with ``n_steps``. Phases
    are discrete values and the flow's images only come near them, so that the noise
    of a real image is not exactly normal. :meth:`interpolate` follows an arc between noises.

    A search for targets that are no conditions differentiates through the whole flow: it
    takes minutes where conditions take seconds.

    References
    ----------
    .. [1] Y. Lipman et al., "Flow matching for generative modeling", ICLR 2023.
    .. [2] X. Liu, C. Gong, Q. Liu, "Flow straight and fast: learning to generate and
       transfer data with rectified flow", ICLR 2023.
    .. [3] J. Ho, T. Salimans, "Classifier-free diffusion guidance", 2022.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import FlowMatchingGenerator
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = FlowMatchingGenerator.light(periodic=True, n_iter=5, random_state=0).fit(X)
    >>> generator.sample(3, p1=0.5, exact=True, random_state=0).mean()
    np.float64(0.5)
    >>> generator.sample(2, shape=(32, 24), random_state=0).shape
    (2, 32, 24)
    """

    def __init__(
        self,
        conditions=("p1",),
        *,
        n_steps=8,
        method="heun",
        guidance=1.0,
        p_drop=0.1,
        width=32,
        periodic=False,
        crop_shape=None,
        n_iter=5000,
        batch_size=32,
        learning_rate=2e-3,
        symmetries=(),
        average_decay=0.999,
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
        self.conditions = conditions
        self.n_steps = n_steps
        self.method = method
        self.guidance = guidance
        self.p_drop = p_drop
        self.width = width
        self.periodic = periodic
        self.crop_shape = crop_shape
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
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
    def light(cls, **overrides):
        """Return an instance whose settings train in minutes on two CPU cores.

        Parameters
        ----------
        **overrides : any
            Parameters that replace those of the preset.

        Returns
        -------
        generator : object
            An ordinary, unfitted estimator of this class.
        """
        return cls(**(LIGHT | overrides))

    def transform(self, X):
        """Find the noise of images: the flow backwards.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images.

        Returns
        -------
        latents : ndarray of shape (n, n_latent + n_conditions)
            Noise whose flow ends in the image, up to the error of the integration, followed
            by the conditions of the image.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        self.encoder_.check(images)
        conditions = self.conditions_.describe(images)

        @torch.no_grad()
        def invert(index):
            x = flow_end(self.encoder_.encode(images[index], self._device, self._dtype))
            return self._flow(x, self._tensor(conditions[index]), 1.0, 0.0).flatten(1).cpu().numpy()

        latents = _arrays.map_batches(invert, len(images), self._batch_size)
        return np.hstack([latents.astype(np.float32), conditions])

    @property
    def _min_images(self):
        return 2 if self.crop_shape is None else 1

    def _check_parameters(self):
        super()._check_parameters()
        check_descriptors("conditions", self.conditions)
        self._check_sampling()
        check_real("p_drop", self.p_drop, 0.0, 1.0, open_low=True, open_high=True)
        check_integer("width", self.width, minimum=2)
        check_choice("periodic", self.periodic, (True, False))
        if self.crop_shape is not None:
            check_image_shape("crop_shape", self.crop_shape)
        if self.crop_shape is not None and self.periodic:
            raise ValueError("periodic must be False with crop_shape: windows are not, got True.")
        check_sequence("symmetries", self.symmetries)
        for name in self.symmetries:
            check_choice("symmetries", name, SYMMETRIES)
        check_real("average_decay", self.average_decay, 0.0, 1.0, open_high=True)
        check_real("decay_from", self.decay_from, 0.0, 1.0)

    def _check_sampling(self):
        check_integer("n_steps", self.n_steps, minimum=1)
        check_choice("method", self.method, METHODS)
        check_real("guidance", self.guidance)

    def _check_training_images(self, X, reset):
        if self.crop_shape is None:
            return super()._check_training_images(X, reset)
        self._check_parameters()
        scans = check_images(copy.copy(self), X, reset=True, min_samples=self._min_images)
        shape = check_image_shape("crop_shape", self.crop_shape)
        sides = scans.shape[1:]
        if len(shape) != len(sides) or any(np.greater(shape, sides)):
            raise ValueError(f"crop_shape must fit into the images {sides}, got {shape}.")
        if reset:
            self.image_shape_ = shape
            self.n_features_in_ = int(np.prod(shape))
        elif shape != self.image_shape_:
            raise ValueError(f"crop_shape must be {self.image_shape_} as in fit, got {shape}.")
        return scans

    def _condition_descriptors(self):
        return self.conditions

    def _described_images(self, images):
        if self.crop_shape is None:
            return images
        index = torch.arange(max(N_DESCRIBED, len(images))) % len(images)
        return random_crops(images, index, self.image_shape_, torch_generator(self._seed, 4))

    def _networks(self):
        n_channels, shape = n_flow_channels(self.encoder_), self.image_shape_
        settings = {"width": self.width, "periodic": self.periodic}
        whitenings = self.conditions_.whitenings
        return {"generator": lambda: flow_unet(whitenings, n_channels, shape, **settings)}

    def _batches(self, images, rows, **settings):
        if self.crop_shape is None:
            return super()._batches(images, rows, **settings)
        describe = self.conditions_.describe
        return CropBatches(images, self.encoder_, describe, self.image_shape_, **settings)

    def _training_step(self, networks, rng):
        return MatchingStep(
            networks["generator"],
            flow_end,
            [len(location) for location, _ in self.conditions_.whitenings],
            learning_rate=self.learning_rate,
            rng=rng,
            p_drop=self.p_drop,
            augment=Symmetries(self.symmetries),
            average_decay=self.average_decay,
            decay_from=self.decay_from,
        )

    def _inputs(self, n_samples, wanted, seed):
        return self.conditions_.given(n_samples, wanted).astype(np.float32)

    def _path(self, a, b, share):
        n_latent = self._n_latent()
        conditions = super()._path(a[:, n_latent:], b[:, n_latent:], share)
        return np.hstack([arc(a[:, :n_latent], b[:, :n_latent], share), conditions])

    def _generate(self, latents, conditions):
        noise = latents.view(-1, n_flow_channels(self.encoder_), *self.image_shape_)
        return flow_channels(self._flow(noise, conditions, 0.0, 1.0), self.encoder_)

    def _flow(self, x, conditions, start, stop):
        """Follow the flow of given conditions from one time to another."""
        self._check_sampling()

        def velocity(x, t):
            return self._velocity(x, x.new_full((len(x),), t), conditions)

        return integrate(velocity, x, start, stop, self.n_steps, self.method)

    def _velocity(self, x, t, conditions):
        network, guidance = self.generator_, self.guidance
        if guidance == 1.0 or conditions.shape[1] == 0:
            return network(x, t, conditions)
        free = network(x, t, torch.full_like(conditions, torch.nan))
        return free if guidance == 0.0 else free + guidance * (network(x, t, conditions) - free)
