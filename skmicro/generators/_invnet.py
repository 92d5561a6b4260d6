"""InvNet: a generator that takes descriptors of its images as inputs.

The generator sees [z, r], r being descriptors I_j of an image; the critic never sees r.
One iteration is a three-way update (Joshi et al. 2020, Alg. 1): the generator against
the critic, the critic, and the *projection*, generator steps on

    L_I = E_z,r sum_j mean_k (I_j(G(z, r))_k - r_jk)^2                       (Eq. 8)

with an optimizer of its own. The conditions r are those of the real images of a batch,
so that they follow the joint distribution of the data.
"""

from typing import ClassVar

from ..losses import DescriptorLoss, MomentLoss
from ..parameters import MODEL, parameter
from ..rules import real
from ._adversarial import LIGHT, AdversarialGenerator
from ._descriptor_parameters import descriptors
from ._invariances import LIGHT_PROJECTION, HasProjection, projection


class InvNetGenerator(HasProjection, AdversarialGenerator):
    """InvNet: conditional Wasserstein GAN with an invariance loss.

    The defaults are the published settings (16 hours on a V100 in the paper);
    :meth:`light` trains in minutes on two cores.

    Attributes
    ----------
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``,
        ``"generator"``, ``"projection0"`` (invariances) and ``"projection1"`` (moments).
    conditions_ : ConditionTable
        The invariances, with their values in the training images.

    See Also
    --------
    WGANGP : The same network without conditions.

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

    invariances: tuple = ("p1",)
    n_projection: int = 5
    moments: tuple = parameter(
        (),
        descriptors(),
        """Descriptors whose mean over a generated batch is matched to that of training images with
        the same conditions; the critic determines the spread.""",
        MODEL,
    )
    moment_weight: float = parameter(1.0, real(0.0), "Factor of this loss.")

    _light: ClassVar = LIGHT | LIGHT_PROJECTION | {"moments": ("p2",), "moment_weight": 5000.0}
    _former_names: ClassVar = HasProjection._former_names | {
        "matching": "moments",
        "matching_weight": "moment_weight",
    }

    def _condition_descriptors(self):
        return self.invariances

    def _measured_descriptors(self):
        return self.moments

    def _moment_loss(self, generator):
        table, like = self.conditions_, next(generator.parameters())
        return MomentLoss(
            table.measured,
            table.whitened(like.new_tensor(table.rows)),
            like.new_tensor(table.measured_rows),
            table.whitened,
            self.moment_weight,
        )

    def _training_step(self, networks, rng):
        invariance = DescriptorLoss(self.conditions_.descriptors, self.projection_weight)
        projections = [projection(self, invariance, self.n_level_steps)]
        if self.conditions_.measured:
            projections.append(projection(self, self._moment_loss(networks["generator"])))
        return self._contest(networks, rng, projections=projections)
