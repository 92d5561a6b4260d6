"""Generators that design images for properties: see :mod:`skmicro.conditioning._design`."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .. import _random
from .._checks import check_integer, check_real
from .._typing import Seed
from ..conditioning import (
    designed,
    is_fraction,
    judged,
    level_of,
    read_goals,
    read_targets,
    warn_missed,
    warn_outside,
)
from ..parameters import SAMPLING, check_parameters


class PropertyDesign:
    """Generators whose images are differentiable functions of their latents."""

    def design(
        self,
        properties,
        targets,
        n_samples: int = 1,
        *,
        rtol: float = 0.002,
        random_state: Seed = None,
        **conditions: float | ArrayLike,
    ):
        r"""Generate images with given properties.

        The properties are computed of the finished images, in which every voxel has a label, and
        recomputed of those that are returned. Every image starts at the best of four draws and
        is changed by the smallest steps in its latents, and in conditions that are free, that
        lead to the targets, so that designs differ from each other as drawn images do.

        Parameters
        ----------
        properties : BaseDescriptor or list of BaseDescriptor
            Properties or other descriptors that are differentiable, such as
            ``ElasticStiffness(outputs=["C11"])``; they are copied. Limit their ``outputs`` to
            those needed, because the computing time grows with them.
        targets : dict of str to float, ndarray of shape (n_samples,), "max" or "min"
            What outputs are to be, by name: a number, a number for each image, or the largest or
            smallest value within reach. Of several ``"max"`` and ``"min"``, the product of what
            is to grow over what is to fall is made large.
        n_samples : int, default=1
            Number of images.
        rtol : float, default=0.002
            Largest relative error with which a target counts as met; where a target is 0, as a
            share of the largest target of the image.
        random_state : None, int, RandomState or Generator, default=None
            Source of the latents; the first images of an integer do not depend on ``n_samples``.
        **conditions : float or array-like
            Conditions or phase fractions that stay fixed, as the targets of :meth:`sample`, e.g.
            ``p1=0.5``. Fractions are met to half a voxel. Others are free: conditions measured on
            images may vary within the range of the training images. Images then have the phase
            fractions that the network is given.

        Returns
        -------
        designs : Designs
            Images, recomputed outputs, errors, and what reproduces them.

        Raises
        ------
        ValueError
            If the images have grey levels, a property has no gradient, an output is unknown or
            named twice, or a target has a wrong length or is beyond what the phases allow in any
            fractions (bounds of Voigt and Reuss).
        TypeError
            If a property is no descriptor, or a target is not numeric.

        Warns
        -----
        TargetWarning
            If images miss a target by more than ``rtol``; states the closest values found.
        ExtrapolationWarning
            If a condition lies outside what the training images covered.

        See Also
        --------
        sample : Targets by name, of descriptors with default parameters.

        Notes
        -----
        Latents, and conditions in units of their deviation in the training images, are standard
        normal. Near an image, an output changes with them by its gradient g, and the step
        -g (value - target) / \|g\|^2 is the shortest that leads to the target. Of several outputs
        it is that of Gauss and Newton. No design is farther from where it was drawn than 4
        standard deviations along the way. For ``"max"`` and ``"min"`` 16 steps are taken within
        the same distance. What is found is thus what rare images of the material have, and no
        bound.

        Each step evaluates the generator and the properties once. A student
        (:meth:`FlowMatchingGenerator.distill`) makes this fastest; the network of its flow then
        predicts the phases again, at ``restart_time``, which makes borders smoother.
        Properties that iterate have a tolerance of a tenth of ``rtol`` during the search.

        References
        ----------
        .. [1] Y. Bengio, N. Leonard, A. Courville, "Estimating or propagating gradients through
           stochastic neurons for conditional computation", 2013.

        Examples
        --------
        >>> from skmicro.datasets import make_cahn_hilliard
        >>> from skmicro.generators import FlowMatchingGenerator
        >>> from skmicro.properties import ElasticStiffness
        >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
        >>> generator = FlowMatchingGenerator.light(periodic=True, n_iter=5, random_state=0).fit(X)
        >>> stiffness = ElasticStiffness(outputs=["C11"])
        >>> designs = generator.design(stiffness, {"C11": 4.0}, rtol=0.02, random_state=0)
        >>> abs(designs.values["C11"] / 4.0 - 1.0) <= 0.02
        array([ True])
        """
        check_is_fitted(self)
        check_integer("n_samples", n_samples, minimum=1)
        check_real("rtol", rtol, 0.0, 1.0, open_low=True, open_high=True)
        check_parameters(self, SAMPLING)
        model, table = self._design_model(), self.conditions_
        goals = read_goals(properties, targets, model, n_samples)
        wanted = read_targets(conditions, table, model.encoder, model.image_shape, n_samples)
        _check_conditions(wanted, table)
        warn_outside(wanted, table.ranges)
        level = level_of(wanted, table)
        seed = _random.draw_seed(random_state)
        rows = table.draw(n_samples, wanted, _random.numpy_generator(seed, 1))
        latents, fed, fractions = designed(
            model, goals, rows, table.columns_of(wanted), level, rtol, seed
        )
        images = model.decode(latents, fed, fractions)
        designs = judged(images, np.hstack([latents, fed]), goals, rtol, seed)
        warn_missed(images, wanted, model.target_tol, model.image_shape)
        return designs

    def _design_model(self):
        """Return the fitted state that designs are searched with."""
        return self._model()


def _check_conditions(targets, table):
    for target in targets:
        if target.name not in table.names and not is_fraction(target):
            raise ValueError(
                f"conditions must be phase fractions or among {table.names}, got {target.name!r}."
            )
