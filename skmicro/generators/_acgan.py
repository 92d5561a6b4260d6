"""AC-GAN: the critic also predicts the conditions of an image.

    L_D = E_z[D(G(z, r))] - E_x[D(x)] + penalty + mu E_x |c(x) - r(x)|^2
    L_G = -E_z[D(G(z, r))] + mu E_z,r |c(G(z, r)) - r|^2

(Odena et al. 2017; continuous conditions make the classification a regression, and the
adversarial loss is that of the other models). The auxiliary network c learns from
images what a descriptor knows by definition.
"""

from ..losses import AttributeLoss
from ..parameters import parameter
from ..rules import real
from ._adversarial import ConditionalGenerator


class ACGAN(ConditionalGenerator):
    """Auxiliary-classifier Wasserstein GAN.

    The defaults are those of InvNet, with which it is compared; :meth:`light` trains in
    minutes on two cores.

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

    attribute_weight: float = parameter(1.0, real(0.0), "Factor of the auxiliary losses.")

    @property
    def _n_attributes(self):
        return self.conditions_.n_columns

    def _training_step(self, networks, rng):
        attributes = AttributeLoss(self.conditions_.whitened, self.attribute_weight)
        return self._contest(networks, rng, auxiliaries=[attributes])
