"""Flow matching: noise becomes an image along the velocity that a network has learned.

The flow starts from white noise, one normal number for each voxel, and follows

    dx/dt = v(x, t, r),    t = 0 ... 1,

to an image with conditions r. The velocity is learned on straight lines from noise to images, of
phases by predicting the phase of every voxel of a noisy image, of grey levels by regression (see
:mod:`skmicro.losses.matching`): no adversary, no penalty. Backwards, the same flow takes an image
to its noise.
"""

from functools import partial
from typing import ClassVar, Self

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._callbacks import FitTask
from .._checks import check_integer, check_sequence
from .._rollback import unchanged_on_error
from ..conditioning import with_variables
from ..flows import flow_end, n_flow_channels
from ..images import SYMMETRIES, Symmetries
from ..networks import flow_unet
from ..parameters import MODEL, parameter
from ..rules import Rule, choice, integer, optional, real, sequence_of, shape
from ..training import matching_step
from ._descriptor_parameters import check_descriptors
from ._distillation import DistillableFlow
from ._groups import HasAverage, HasMixedPrecision
from ._sectioned_flow import SectionedFlow
from ._sources import Windows

ANCHOR = 20.0


def _check_conditions(name, value):
    check_descriptors(name, with_variables(check_sequence(name, value)))


class FlowMatchingGenerator(HasAverage, HasMixedPrecision, DistillableFlow, SectionedFlow):
    """Flow matching with descriptors as optional conditions.

    Training uses no adversary and is therefore stable. On images of 64 x 64 and one core,
    :meth:`light` trains for 5 to 13 minutes, depending on the machine, and the defaults two and
    a half times as long. For volumes there is :meth:`light_3d`.

    Attributes
    ----------
    generator_ : torch.nn.Module
        The trained network, ``generator_(x, t, conditions) -> velocity``.
    history_ : dict of str to ndarray
        ``"matching"``, the loss of every iteration.
    p_drop_ : float
        ``p_drop`` of the last training.
    conditions_ : ConditionTable
        The conditions, with their values in the training images (in 1024 windows of them,
        with ``crop_shape``).

    See Also
    --------
    InvNetGenerator : Generates an image in one evaluation of its network.

    Notes
    -----
    Images do not determine process variables: :meth:`transform` uses their mean in the training
    images, and images that miss one are neither corrected nor searched.

    Images of up to four million voxels are computed at once; larger ones in overlapping
    windows whose velocities are blended in every step, so that memory does not grow with
    the activations of the network.

    The latents are the noise itself, as many numbers as voxels (times the phases, if
    there are three or more). :meth:`transform` follows the flow backwards from the image. The
    round trip is exact up to the integration error, which decreases with ``n_steps``, if
    ``restart_time=None``: a restart predicts the borders of phases again. Many noises flow
    into the same image of phases; one of them is returned, from the image with a little noise,
    which is the same for all images. :meth:`interpolate` follows an arc between noises.

    A search for targets that are not conditions differentiates through the whole flow: it
    takes minutes instead of seconds.

    References
    ----------
    .. [1] Y. Lipman et al., "Flow matching for generative modeling", ICLR 2023.
    .. [2] X. Liu, C. Gong, Q. Liu, "Flow straight and fast: learning to generate and
       transfer data with rectified flow", ICLR 2023.
    .. [3] F. Eijkelboom et al., "Variational flow matching for graph generation", NeurIPS 2024.
    .. [4] J. Ho, T. Salimans, "Classifier-free diffusion guidance", 2022.
    .. [5] Y. Xu et al., "Restart sampling for improving generative processes", NeurIPS 2023.

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

    conditions: tuple = parameter(
        ("p1",),
        Rule("sequence of str or BaseDescriptor", _check_conditions),
        """Differentiable descriptors that the network takes as conditions: names, such as
        ``"p1"``, ``"phase_fractions"`` or ``"p2"``, or descriptor objects; may be empty. A name
        means default parameters; an unset ``periodic`` is that of the generator. Other names
        are columns of ``y``: process variables, such as a temperature.""",
        MODEL,
    )
    p_drop: float = parameter(
        0.0,
        real(0.0, 1.0, open_high=True),
        """Probability of training on an image without any condition, and then of dropping each
        single condition, for ``guidance``; below 1. A network trained in this way follows its
        conditions less closely.""",
    )
    periodic: bool | None = parameter(
        None,
        choice(None, True, False),
        """Whether training images are periodic: convolutions wrap around the borders, and so do
        descriptors given by name. ``None`` decides from the images, by comparing the jump across
        their borders with jumps inside; see ``periodic_``.""",
        MODEL,
    )
    crop_shape: tuple | None = parameter(
        None,
        optional(shape()),
        """Train on windows of this shape, cut from larger images at random positions in every
        step, so that one image is sufficient. ``image_shape_`` and all methods after ``fit``
        refer to this shape; ``score`` cuts larger images into adjacent windows. Windows contain no
        unknown voxels, masked or NaN.""",
        MODEL,
    )
    symmetries: tuple = parameter(
        SYMMETRIES,
        sequence_of(*SYMMETRIES),
        """Symmetries of the material, applied to training images at random; the default
        is correct for isotropic materials only. They must not change the conditions. Translations
        are rolls of periodic images; other images are not rolled (``crop_shape`` moves the window
        instead).""",
    )
    width: int = parameter(32, integer(2), "Channels at half the resolution.", MODEL)
    coarse_width: int | None = parameter(
        None,
        optional(integer(2)),
        """Channels at a quarter of the resolution and below; ``None`` means twice ``width``. In
        three dimensions, most of the computing time is spent at half the resolution.""",
        MODEL,
    )
    n_iter: int = 5000
    batch_size: int = 16
    learning_rate: float = 2e-3
    average_decay: float = 0.999
    decay_from: float = 0.5

    _light: ClassVar = {"n_iter": 2000, "average_decay": 0.995}
    _light_3d: ClassVar = {
        "width": 16,
        "coarse_width": 32,
        "batch_size": 4,
        "n_iter": 4000,
        "n_steps": 8,
        "restart_time": 0.4,
    }

    @classmethod
    def light_3d(cls, **overrides):
        """Return an instance with settings that train on volumes in minutes on two CPU cores.

        The network is that of :meth:`light` with fewer channels where volumes have most of
        their voxels, batches are smaller, and sampling takes more steps.

        Parameters
        ----------
        **overrides : any
            Parameters that replace those of the preset.

        Returns
        -------
        estimator : object
            An ordinary, unfitted estimator of this class.
        """
        return cls.light(**(cls._light_3d | overrides))

    def fine_tune(self, X: ArrayLike, y=None, *, n_iter: int = 200) -> Self:
        """Adapt a trained generator to a few images of another material.

        The weights are moved back towards those of the trained network in every step, at a
        tenth of its learning rate. The conditions of the new images replace those of the
        training images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images with the phases seen in ``fit``; one is sufficient.
        y : array-like, DataFrame or None, default=None
            Process variables, where ``conditions`` names any.
        n_iter : int, default=200
            Iterations.

        Returns
        -------
        self : object
            The generator of the new material.

        Raises
        ------
        ValueError
            If the images have another shape or phases, or a parameter of the network
            or conditions was changed since ``fit``.
        """
        check_is_fitted(self)
        check_integer("n_iter", n_iter, minimum=1)
        task = FitTask(self, n_iter, X, y)
        with unchanged_on_error(self):
            self.conditions_ = self.conditions_.emptied()
            gentle = {"learning_rate": self.learning_rate / 10, "anchor": ANCHOR}
            self._learn_more(X, y, n_iter, task, **gentle)
        task.end()
        return self

    def _check_parameters(self):
        super()._check_parameters()
        self._check_guidance(self.p_drop, len(self.conditions))
        if self.crop_shape is not None and self.periodic:
            raise ValueError(
                "periodic must be None or False with crop_shape: windows are not, got True."
            )

    @property
    def _source(self):
        return super()._source if self.crop_shape is None else Windows(self.crop_shape)

    def _condition_descriptors(self):
        return with_variables(self.conditions)

    def _networks(self):
        n_channels, shape = n_flow_channels(self.encoder_), self.image_shape_
        whitenings = self.conditions_.whitenings
        settings = {
            "phases": self.encoder_.phases is not None,
            "width": self._made.width,
            "coarse_width": self._made.coarse_width,
            "periodic": self.periodic_,
        }
        make = partial(flow_unet, whitenings, n_channels, shape, **settings)
        return {"generator": self._in_precision(make)}

    @property
    def _moves(self):
        return [name for name in self.symmetries if self.periodic_ or name != "translation"]

    def _training_step(self, networks, rng, **settings):
        self.p_drop_ = self.p_drop
        settings = {"learning_rate": self.learning_rate} | settings
        return matching_step(
            networks["generator"],
            flow_end,
            [len(location) for location, _ in self.conditions_.whitenings],
            rng=rng,
            p_drop=self.p_drop,
            augment=Symmetries(self._moves),
            average_decay=self.average_decay,
            decay_from=self.decay_from,
            **settings,
        )
