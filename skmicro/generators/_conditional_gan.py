"""Conditional GAN: generator and critic both see the conditions.

    min_G max_D  E_x[D(x, r)] - E_z,r[D(G(z, r), r)] - penalty

(Mirza & Osindero 2014, with the Wasserstein loss of the other models). Nothing measures
whether an image has the given descriptors r; the critic has to learn that
images and conditions belong together.
"""

from ..losses import ConditionView
from ._adversarial import ConditionalGenerator


class ConditionalGAN(ConditionalGenerator):
    """Conditional Wasserstein GAN (cGAN).

    The defaults are those of InvNet, with which it is compared; :meth:`light` trains in
    minutes on two cores.

    See Also
    --------
    InvNetGenerator : Measures the descriptors instead of learning them.
    ACGAN : Its critic predicts the conditions of an image.

    References
    ----------
    .. [1] M. Mirza and S. Osindero, "Conditional generative adversarial nets", 2014.
    .. [2] A. Joshi et al., "InvNet: encoding geometric and statistical invariances in
       deep generative models", AAAI 2020.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import ConditionalGAN
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = ConditionalGAN.light(n_iter=5, random_state=0).fit(X)
    >>> generator.sample(3, p1=0.5, exact=True, random_state=0).mean()
    np.float64(0.5)
    """

    @property
    def _n_views(self):
        return self.conditions_.n_columns

    def _training_step(self, networks, rng):
        view = ConditionView(self.conditions_.whitened)
        return self._contest(networks, rng, view=view)
