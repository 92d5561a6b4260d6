"""WGAN-GP: an unconditional generator trained against a Wasserstein critic.

    min_G max_D  E_x[D(x)] - E_z[D(G(z))] - lambda E_x'[(||grad D(x')||_2 - 1)^2]

with x' on the lines between real and generated images (Gulrajani et al. 2017; Singh et
al. 2018, Sec. 3).
"""

from ._adversarial import AdversarialGenerator


class WGANGP(AdversarialGenerator):
    """Wasserstein GAN with gradient penalty.

    The defaults are the published settings (days on a CPU); :meth:`light` trains in
    minutes on two cores. The network has no conditions: ``sample(n, p1=0.4)`` searches
    its latents.

    See Also
    --------
    InvNetGenerator : Takes targets as inputs of the network.

    References
    ----------
    .. [1] I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017.
    .. [2] R. Singh et al., "Physics-aware deep generative models for creating synthetic
       microstructures", 2018.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import WGANGP
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = WGANGP.light(n_iter=5, random_state=0).fit(X)
    >>> generator.sample(3, random_state=0).shape
    (3, 16, 16)
    """
