"""Losses of autoencoders, whose encoder predicts a normal distribution of latents for each image.

A variational autoencoder (Kingma & Welling 2014) minimises

    L = L_rec + beta D_KL(N(m, s^2) || N(m_0, s_0^2)),
    L_rec = -log p(x | z),        z = m + s e,        e ~ N(0, 1),

with the means m and deviations s that the encoder predicts, and a weight beta (Higgins et al. 2017)
by which codes are drawn together to the prior N(m_0, s_0^2). For each latent

    D_KL = log(s_0 / s) + (s^2 + (m_0 - m)^2) / (2 s_0^2) - 1/2,

which for m_0 = 0, s_0 = 1 is -(1 + log s^2 - s^2 - m^2) / 2 (Zhang et al. 2023, Eqs. 8 and 9).

Likelihood and divergence are sums over voxels and latents and means over images: the likelihood is
one of the whole image. Phases are categorical, so that -log p is a cross-entropy; grey levels,
scaled to [0, 1], are normal with variance 1/2, so that it is the squared error, up to a constant.
"""

import torch

LEAST_PROBABILITY = 1e-30
PRIOR_SPREAD = 0.1


def normal_divergence(
    mean: torch.Tensor,
    log_variance: torch.Tensor,
    prior_mean: torch.Tensor | float = 0.0,
    prior_log_variance: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """Return the divergence of normal distributions from a prior, a mean over rows.

    Parameters
    ----------
    mean, log_variance : Tensor of shape (n, n_latent)
        Independent normal distributions of the latents.
    prior_mean, prior_log_variance : Tensor of shape (n, n_latent) or float, default=0.0
        Those they are compared with; standard normal by default.

    Returns
    -------
    divergence : Tensor of shape ()
        Kullback-Leibler divergence, summed over latents.
    """
    excess = log_variance - prior_log_variance
    distance = (mean - prior_mean).square() * _exp(-prior_log_variance, like=mean)
    return 0.5 * (excess.exp() + distance - 1.0 - excess).sum(dim=1).mean()


def augmented_divergence(mean, log_variance, rng: torch.Generator) -> torch.Tensor:
    """Return the divergence of augmented statistics from those of an augmented random prior.

    Zhang et al. 2023, Sec. 3.3.2: prior means and deviations are random; those of prior and
    posterior are shifted and scaled alike, for each latent of each image by random numbers u,
    uniform in (0, 1), of its own. Here

        m_0 = d e,    s_0 = exp(d e' + d^2),    T_m(m) = m + u,    T_s(s) = s / sqrt(2 u'),

    e and e' normal, d = 0.1. The shift cancels; the scale weights the squared distance of
    the means by 2 u'. The expectation is that of the standard normal prior, up to a constant.

    Parameters
    ----------
    mean, log_variance : any
        As in :func:`normal_divergence`.
    rng : torch.Generator
        Source of prior and augmentations (on the CPU).

    Returns
    -------
    divergence : Tensor of shape ()
        Kullback-Leibler divergence, summed over latents.
    """
    prior_mean, prior_scale = (
        PRIOR_SPREAD * _random_like(torch.randn, mean, rng) for _ in range(2)
    )
    # The end 0 of the interval would be an infinite scale.
    shift, scale = (1.0 - _random_like(torch.rand, mean, rng) for _ in range(2))
    log_scale = -(2.0 * scale).log()
    return normal_divergence(
        mean + shift,
        log_variance + log_scale,
        prior_mean + shift,
        2.0 * (prior_scale + PRIOR_SPREAD**2) + log_scale,
    )


def drawn_latents(mean, log_variance, rng: torch.Generator) -> torch.Tensor:
    """Draw latents of normal distributions, differentiable with respect to these.

    Parameters
    ----------
    mean, log_variance : any
        As in :func:`normal_divergence`.
    rng : torch.Generator
        Source of the noise (on the CPU).

    Returns
    -------
    latents : Tensor of shape (n, n_latent)
        ``mean + deviation * noise``.
    """
    noise = _random_like(torch.randn, mean, rng)
    return mean + (0.5 * log_variance).exp() * noise


def cross_entropy(channels, images):
    """Return -log p of one-hot images, given probabilities; a sum over voxels, mean of images."""
    surprise = -images * channels.clamp_min(LEAST_PROBABILITY).log()
    return surprise.flatten(1).sum(dim=1).mean()


def squared_error(channels, images):
    """Return the squared error of grey levels, (n, C, *S); a sum over voxels, mean of images."""
    return (channels - images).square().flatten(1).sum(dim=1).mean()


def _random_like(draw, x, rng):
    return draw(x.shape, generator=rng, dtype=x.dtype).to(x.device)


def _exp(exponent, like):
    return torch.as_tensor(exponent, dtype=like.dtype, device=like.device).exp()
