"""Variational autoencoder: an encoder that predicts distributions of latents, and a generator.

The weight beta of the divergence from the prior is that of Higgins et al. 2017; see
:mod:`skmicro.losses.variational` for the objective.
"""

from ..parameters import parameter
from ..rules import real
from ._encoder_generator import EncoderGenerator


class VAE(EncoderGenerator):
    r"""Variational autoencoder, with a weight ``beta`` of the divergence from the prior.

    Minimises

    .. math::

        L = -\log p(x \mid z) + \beta \, D_{KL}(q(z \mid x) \,\|\, N(0, 1)),
        \qquad z \sim q(z \mid x) = N(\mu(x), \sigma^2(x)),

    with an encoder network that predicts :math:`\mu` and :math:`\sigma` of an image.
    :meth:`transform` returns :math:`\mu` in one evaluation of the network, without a search. It is
    trained without an adversary. Reconstructions of phases with many borders are too smooth.

    Attributes
    ----------
    encoder_network_ : torch.nn.Module
        The trained encoder, means and logarithms of variances of the latents side by side.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"reconstruction"`` and ``"divergence"``.

    See Also
    --------
    Autoencoder : The same without a distribution of latents.
    FlowMatchingGenerator : Sharper images and targets as inputs, but as many latents as voxels.

    Notes
    -----
    Phases are categorical: the first term is the cross-entropy of the voxels. Grey levels,
    scaled to [0, 1], are normal with variance 1/2: it is the squared error. Both terms are
    sums over voxels and latents, so that ``beta=1`` is the bound of the likelihood.

    :meth:`light` sets ``width=16``, ``n_iter=2000``, ``batch_size=16``.

    References
    ----------
    .. [1] D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained
       variational framework", ICLR 2017.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import VAE
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = VAE.light(n_latent=4, n_iter=5, random_state=0).fit(X)
    >>> generator.transform(X).shape
    (32, 4)
    >>> generator.traverse(X[0], 2, n_steps=5).shape
    (5, 16, 16)
    """

    beta: float = parameter(
        1.0,
        real(0.0),
        """Weight of the divergence. A larger weight moves encodings closer together, so that
        samples of the prior resemble the training images more and latents are independent of each
        other, but reconstructions are worse; some latents may remain unused.""",
    )

    def _training_step(self, networks, rng):
        return self._autoencoding_step(networks, rng, self.beta)
