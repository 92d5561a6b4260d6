"""Markov random fields whose probabilities a classifier learns (Bostanabad et al. 2016)."""

import inspect
import warnings
from typing import ClassVar

from sklearn.tree import DecisionTreeClassifier

from .._random import numpy_generator, seeded
from .._typing import PathLike
from ..images import wraps_around
from ..markov_fields import (
    CLASSIFIERS_IN_FILES,
    GreyStates,
    MarkovFieldModel,
    PhaseStates,
    TreeProbabilities,
    as_probabilities,
    states_for,
    training_windows,
    window_radii,
)
from ..parameters import MODEL, RUNNING, TRAINING, parameter
from ..rules import Rule, boolean, instance_of, integer, integers, optional, random_state
from ._base import BaseGenerator

RADII = {2: 5, 3: 2}
LEAST_LEAF = 32
KEPT = sorted(CLASSIFIERS_IN_FILES)


def _check_classifier(name, value):
    if value is None:
        return
    if inspect.isclass(value) or not hasattr(value, "fit") or not hasattr(value, "predict_proba"):
        raise TypeError(
            f"{name} must be None or a classifier of scikit-learn with predict_proba, "
            f"got {value!r}."
        )


class MarkovRandomField(BaseGenerator):
    r"""Markov random field: each voxel is drawn given those around it that are there already.

    A classifier learns the probabilities of a voxel from the voxels in a window around it that
    raster order visits before [1]_; images are drawn from them voxel by voxel. It takes seconds to
    train and says of the long range what follows from the short one.

    Attributes
    ----------
    classifier_ : object
        What the classifier has learned: a decision tree or a forest as arrays, any other classifier
        as it is.
    closing_classifier_ : object or None
        The same for voxels that see the beginning of a periodic image across its end.
    periodic_ : bool
        Whether the training images were taken as periodic.
    radii_ : tuple of int
        Radii of the window along each axis.

    See Also
    --------
    GaussianRandomField : The baseline that knows the two-point correlation instead.

    Notes
    -----
    **Borders.** Missing voxels of a window are passed to the classifier as unknown: voxels outside
    the image, and those not sampled yet. Any voxel with a complete window is also an example
    for the places near the borders as well, with the pattern of what is known there, so that the
    first rows are drawn right from the first voxel on, no margin has to be cut away, and images of
    any size can be made. Where training images are ``periodic``, their windows wrap around, and the
    last rows and columns of samples see the first ones across the border, by a classifier of
    their own. That makes opposite borders match, though not as well as neighbours inside.

    **Order.** Raster order matters only within a window. Voxels that do not see each other
    are drawn at once, along diagonals, for all images of a batch.

    **Latents** are standard normal numbers, one for each voxel, which draw it by the inverse
    of its distribution function. :meth:`transform` takes the middles of the intervals, so that
    ``reconstruct(X)`` is ``X`` (numbers below -6 name phases of no probability). What lies between
    two latents is on the arc that leaves them standard normal.

    **Targets.** A target ``p1`` or ``phase_fractions`` is met by adding a constant to the
    logarithms of the probabilities, found for each image in at most 8 steps and, where that does
    not do, for up to 11 new ones. For other targets the best of 32 images is taken, or the best on
    that way if there is a fraction as well. That moves little: expect a TargetWarning.

    **Grey levels** are put into 16 ranges of equal frequency. The classifier predicts the range;
    the level in it is uniform and independent of the others.

    Decision trees and forests are saved as arrays; of other classifiers only pickles can be made.

    References
    ----------
    .. [1] R. Bostanabad, A. T. Bui, W. Xie, D. W. Apley and W. Chen, "Stochastic microstructure
       characterization and reconstruction via supervised learning", Acta Materialia 103, 89-102,
       2016.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import MarkovRandomField
    >>> X, p1 = make_cahn_hilliard(12, (16, 16), n_steps=200, random_state=0)
    >>> generator = MarkovRandomField(random_state=0).fit(X)
    >>> bool((generator.reconstruct(X) == X).all())
    True
    >>> images = generator.sample(1, p1=0.5, exact=True, random_state=0)
    >>> images.mean()
    np.float64(0.5)
    """

    _kept: ClassVar = ("_states",)
    _fitted: ClassVar = ("_states", "classifier_", "closing_classifier_", "radii_")
    _values: ClassVar = {
        "_states": instance_of(PhaseStates, GreyStates),
        "classifier_": instance_of(TreeProbabilities),
        "closing_classifier_": optional(instance_of(TreeProbabilities)),
        "radii_": integers(0),
    }
    _min_images = 1

    classifier: object = parameter(
        None,
        Rule("classifier or None", _check_classifier),
        """A classifier of scikit-learn with ``predict_proba``; ``None`` means
        ``DecisionTreeClassifier(min_samples_leaf=32)``.""",
        MODEL,
    )
    neighborhood: int | None = parameter(
        None,
        optional(integer(0)),
        """Radius of the window in voxels; ``None`` means 5 in two dimensions and 2 in three.
        Along each axis it is cut to a quarter of the side, see ``radii_``.""",
        MODEL,
    )
    max_voxels: int = parameter(
        200_000,
        integer(1),
        "Voxels to train on, drawn at random if the images have more.",
        TRAINING,
    )
    periodic: bool | None = parameter(
        None,
        optional(boolean()),
        """Whether training images wrap around, and opposite borders of samples match. ``None``
        detects it from the images; see ``periodic_``.""",
        MODEL,
    )
    random_state: object = parameter(
        None, random_state(), "Seed of the voxels trained on, and of the classifier.", RUNNING
    )

    def save(self, path: PathLike):
        """Write the generator to a file without pickle; see :func:`skmicro.load`.

        Parameters
        ----------
        path : path-like
            Destination; an existing file is replaced at once when the new one is
            complete.

        Raises
        ------
        TypeError
            If ``classifier`` is no decision tree or forest of scikit-learn.
        """
        if self.classifier is not None and type(self.classifier).__name__ not in KEPT:
            raise TypeError(
                f"Cannot save classifier={self.classifier!r}: files keep {', '.join(KEPT)}; "
                "pickle keeps all."
            )
        super().save(path)

    def _persistent_state(self):
        state = dict(super()._persistent_state())
        if self.classifier is not None:
            kind, settings = type(self.classifier).__name__, self.classifier.get_params()
            state["classifier"] = {"kind": kind, "parameters": settings}
        return state

    @classmethod
    def _from_persistent_state(cls, state):
        described = state["classifier"]
        if described is not None:
            made = CLASSIFIERS_IN_FILES[described["kind"]](**described["parameters"])
            state = state | {"classifier": made}
        return super()._from_persistent_state(state)

    def _model(self):
        return MarkovFieldModel(
            states=self._states,
            radii=self.radii_,
            classifier=self.classifier_,
            closing_classifier=self.closing_classifier_,
            **self._shared_parts(),
        )

    def _check_agreement(self):
        super()._check_agreement()
        if not hasattr(self, "classifier_"):
            return
        n_states, largest = self._states.n_states, window_radii(max(self.radii_), self.image_shape_)
        if self.phases_ is not None and n_states != len(self.phases_):
            raise ValueError(f"_states must be those of {len(self.phases_)} phases.")
        if self.radii_ != largest:
            raise ValueError(f"radii_ must be those of a window, got {self.radii_}.")
        for trees in (self.classifier_, self.closing_classifier_):
            if trees is not None and trees.probabilities.shape[1] != n_states:
                raise ValueError(f"classifier_ must tell the probabilities of {n_states} states.")

    def _learn(self, images, rows, task):
        radius = RADII[images.ndim - 1] if self.neighborhood is None else self.neighborhood
        self.radii_ = window_radii(radius, self.image_shape_)
        self._states = states_for(images, self.encoder_)
        self.classifier_ = self._trained(images, closing=False)
        closes = wraps_around(self) and any(self.radii_)
        self.closing_classifier_ = self._trained(images, closing=True) if closes else None

    def _trained(self, images, closing):
        rng = numpy_generator(self._seed, 1 + closing)
        features, states = training_windows(
            images,
            self.encoder_,
            self._states,
            self.radii_,
            periodic=wraps_around(self),
            closing=closing,
            n_most=self.max_voxels,
            rng=rng,
        )
        made = self.classifier
        if made is None:
            made = DecisionTreeClassifier(min_samples_leaf=LEAST_LEAF)
        classifier = seeded(made, rng)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The number of unique classes")  # few, tiny images
            classifier.fit(features, states)
        return as_probabilities(classifier, self._states.n_states)
