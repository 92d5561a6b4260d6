"""Residual-input GAN: the critic sees how far an image is from its conditions.

    min_G max_D  E_x[D(x, 0)] - E_z,r[D(G(z, r), L(G(z, r), r))] - penalty

with L(x, r) = sum_j mean_k (I_j(x)_k - r_jk)^2, which vanishes for real images and
their own descriptors (Stinis et al. 2018, with the Wasserstein loss as in Joshi et al.
2020, Sec. 5). The residual shows the critic at once which images are generated: the
published comparison saw its loss explode.
"""

from ..losses import DescriptorLoss, ResidualView
from ._adversarial import ConditionalGenerator


class ResidualInputGAN(ConditionalGenerator):
    """Wasserstein GAN whose critic sees the residual of the constraints.

    The defaults are those of InvNet, with which it is compared; :meth:`light` trains in
    minutes on two cores.

    See Also
    --------
    InvNetGenerator : Minimises the residual instead of showing it to the critic.
    ConditionalGAN : Its critic sees the conditions themselves.

    References
    ----------
    .. [1] P. Stinis et al., "Enforcing constraints for interpolation and extrapolation in
       generative adversarial networks", 2018.
    .. [2] A. Joshi et al., "InvNet: encoding geometric and statistical invariances in
       deep generative models", AAAI 2020.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import ResidualInputGAN
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = ResidualInputGAN.light(n_iter=5, random_state=0).fit(X)
    >>> generator.sample(3, p1=0.5, exact=True, random_state=0).mean()
    np.float64(0.5)
    """

    _n_views = 1

    def _training_step(self, networks, rng):
        residual = DescriptorLoss(self.conditions_.descriptors)
        view = ResidualView(residual, self.encoder_.physical)
        return self._contest(networks, rng, view=view)
