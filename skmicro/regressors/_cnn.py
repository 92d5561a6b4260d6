"""Convolutional network from images to properties (Cang et al. 2018)."""

from typing import ClassVar

from ..networks import regression_network
from ..parameters import MODEL, parameter
from ..rules import choice, integer, integers, optional
from ._network import NetworkRegressor
from ._targets import BoundedTargets, FreeTargets, bound_property, tensor_target


class CNNRegressor(NetworkRegressor):
    r"""Convolutional network that predicts numbers, such as properties, from images.

    Convolutions of 3 voxels along each axis, each followed by a rectifier and the largest of blocks
    of two voxels (max-pooling), a mean over the image, and two linear layers. A polynomial in
    the volume fractions, fitted by least squares, is subtracted from free targets first; the
    network minimises the mean squared error of the rest, in units of its standard deviation.
    Images of other sizes than those of the training can be predicted, on the assumption of a
    homogeneous material.

    Notes
    -----
    Stiffness and conductivity follow the volume fractions more closely than a network of few
    images learns. With ``fraction_degree`` it learns the residuals only:
    ``benchmarks/predictions.py`` has errors with and without. The polynomial has the powers of the
    fraction of each phase but the first, no products, one coefficient for ten different fractions
    at the most, and beyond the range of the training the value of its end. The trend of a tensor is
    one that the symmetries of ``augment`` do not change.

    Once in each pass through the images, and when the training ends, the loss on the images held
    out is measured; the weights with the least are kept, also where the training is interrupted.

    An iteration takes ``batch_size`` images for each member, or all where there are fewer. Images
    of weight zero are left out. With all images in each iteration, none held out and ``periodic``
    given, an image of weight 2 is the same as the image twice.

    A ``target`` says that the targets are the components of a tensor, as
    :class:`~skmicro.properties.ElasticStiffness` and
    :class:`~skmicro.properties.EffectiveConductivity` put them out. Where the axes of an image are
    exchanged or reversed, the tensor is rotated with them: :math:`C_{11}` of the rotated image is
    :math:`C_{22}` of the image, :math:`C_{16}` may change its sign.

    With ``output="bounded"`` the network predicts a symmetric matrix S of any size, and the
    prediction is [2]_

    .. math:: C = C_V - L Y L, \quad L L = C_V - C_R, \quad Y = (1 + e^{-S})^{-1},

    with the bounds :math:`C_V` and :math:`C_R` of the image predicted, from the fractions of its
    phases. The eigenvalues of Y lie between 0 and 1, so that C lies between the bounds, whatever
    the network predicts: positive definite, or semi-definite beside a void phase, where the lower
    bound is zero. The network is trained on S of the targets; what is nearer to a bound than 0.0001
    of the way counts as that near. Bounds of Hashin and Shtrikman are narrower but hold for
    isotropic materials, not for every single image.

    With ``n_members`` networks the prediction is the mean of theirs, and the standard deviation
    shows where they disagree, for lack of similar training images: a deep ensemble [3]_, without
    its predicted variances. Each member keeps its best weights. The standard deviation is not an
    error: :meth:`predict_interval` has intervals of known coverage, from images set apart with
    ``calibration_fraction``; their ends may lie beyond the bounds. ``fit`` uses images set apart
    only to find the phases or grey levels, and whether images are periodic.

    With ``equivariant=True`` the prediction, and that of each member, is a mean over turns and
    flips, of predicted tensors. Bounds are convex, so that bounded predictions stay between them.
    The training and the choice of weights are the same as without.

    The paper has four convolutions, max-pooling, validation data against overfitting and Adam with
    a rate of 0.001; it leaves open the numbers of channels and what follows the convolutions.

    :meth:`light` sets ``widths=(8, 16, 32, 32)``, ``n_iter=1500``, ``batch_size=16``.

    References
    ----------
    .. [1] R. Cang, H. Li, H. Yao, Y. Jiao, Y. Ren, "Improving direct physical properties
       prediction of heterogeneous materials from imaging data via convolutional neural network
       and a morphology-aware generative model", Comput. Mater. Sci. 150, 212-221, 2018.
    .. [2] S. Keshav, J. Herb, F. Fritzen, "Spectral normalization and Voigt-Reuss net: A universal
       approach to microstructure-property forecasting with physical guarantees",
       arXiv:2504.00712, 2025.
    .. [3] B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive
       uncertainty estimation using deep ensembles", NeurIPS 2017.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.regressors import CNNRegressor
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> regressor = CNNRegressor.light(n_iter=5, random_state=0).fit(X, p1)
    >>> regressor.predict(X).shape
    (32,)
    """

    widths: tuple = parameter(
        (16, 32, 64, 64),
        integers(1),
        "Channels after each of the convolutions, of which there are as many.",
        MODEL,
    )
    target: object = parameter(
        None,
        tensor_target(),
        """Property whose components the targets are, in the order of its ``outputs``; a name means
        all components. ``None`` for other numbers.""",
    )
    output: str = parameter(
        "free",
        choice("free", "bounded"),
        """``"bounded"`` predicts tensors between the bounds of Voigt and Reuss that belong to the
        image and to the phases of ``target``, which has to be an estimator with all components as
        its outputs.""",
    )
    fraction_degree: int | None = parameter(
        None,
        optional(integer(0)),
        """Degree of a polynomial in the phase fractions, or in the mean of grey levels, that is
        fitted to the targets first; the network learns the rest. 0 is their mean. ``None`` means
        3 with free output, and 0 between bounds, which already depend on the fractions.""",
    )
    n_iter: int = 5000
    learning_rate: float = 1e-3
    decay_from: float = 0.5

    _light: ClassVar = {"widths": (8, 16, 32, 32), "n_iter": 1500, "batch_size": 16}

    def _check_parameters(self):
        super()._check_parameters()
        if self.output == "bounded" and (self.target is None or isinstance(self.target, str)):
            raise ValueError(
                "target must be an ElasticStiffness or EffectiveConductivity, which knows the "
                f"phases, with output='bounded', got {self.target!r}."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Rows of features that are no images tell a mean over them little.
        tags.regressor_tags.poor_score = True
        return tags

    def _member(self):
        return regression_network(
            self.encoder_.n_channels,
            len(self.image_shape_),
            self.n_outputs_,
            widths=self._made.widths,
            periodic=self.periodic_,
        )

    def _new_targets(self, train):
        kind = BoundedTargets if self.output == "bounded" else FreeTargets
        tensor = bound_property(self.target, self.encoder_, self.image_shape_, self.n_outputs_)
        degree = self.fraction_degree
        if degree is None:
            degree = 0 if self.output == "bounded" else 3
        targets = kind(tensor, self.encoder_, degree, self.augment)
        if self.equivariant or "rotation" in self.augment:
            targets.check_turns(self.image_shape_, self.n_outputs_)
        return targets.fit(train)
