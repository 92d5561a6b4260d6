"""Training of encoder, generator and critic, each on a loss of its own (Zhang et al. 2023).

    L_E = beta D_KL + L_rec                                                            (Eq. 1)
    L_D = -log D(x) - log(1 - D(G(z))) - log(1 - D(G(e)))                              (Eq. 6)
    L_G = -lambda_vae log D(G(z)) - lambda_noise log D(G(e)) + lambda_rec L_rec        (Eq. 7)

with z drawn from the encoding of a real image x, and e standard normal. The logarithms
may be those of another :class:`AdversarialLoss`. All that the critic sees is augmented, image by
image; an image and its reconstruction are compared after one and the same augmentation.

Reconstructions and new images are made in one batch: what a generator normalises by is then the
same for both, in training and, as an average, afterwards.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from .adversarial import total_penalty, unchanged
from .autoencoding import drawn_code, moved
from .projections import noise_for
from .steps import Player, TrainingStep, Update, adam


def autoencoding_adversarial_step(
    encoder: torch.nn.Module,
    generator: torch.nn.Module,
    critic: torch.nn.Module,
    loss,
    reconstruction: Callable,
    divergence: Callable,
    *,
    beta: float,
    weights: tuple[float, ...],
    learning_rate: float,
    critic_rate: float,
    rng: torch.Generator,
    symmetries: Callable,
    betas: tuple[float, ...] = (0.0, 0.9),
    n_critic: int = 5,
    penalties: Sequence = (),
    augment: Callable | None = None,
    **settings,
) -> TrainingStep:
    """Build the training of a critic against a generator that is the decoder of an encoder.

    Parameters
    ----------
    encoder : torch.nn.Module
        ``encoder(channels)``: means and logarithms of variances of latents side by side,
        (n, 2 * n_latent).
    generator, critic : torch.nn.Module
        As in :func:`adversarial_step`.
    loss : AdversarialLoss
        What critic and generator minimise.
    reconstruction : callable
        ``reconstruction(channels, images) -> scalar``.
    divergence : callable
        ``divergence(means, log_variances, rng) -> scalar``.
    beta : float
        Weight of the divergence in the encoder's loss.
    weights : tuple of float
        Weights of reconstructions, of new images and of L_rec in the generator's loss.
    learning_rate, critic_rate : float
        Rates of Adam, of encoder and generator and of the critic.
    rng : torch.Generator
        Source of latents, mixing weights and augmentations.
    symmetries : callable
        ``symmetries(images, rng) -> images``, applied to training images before anything else.
    betas : tuple of float, default=(0.0, 0.9)
        Decay rates of Adam's moments.
    n_critic : int, default=5
        Critic steps per iteration.
    penalties : sequence of callable, default=()
        As in :func:`adversarial_step`.
    augment : callable or None, default=None
        ``augment(images, rng) -> images``, applied to real and generated images.
    **settings : any
        As in :class:`TrainingStep`: ``decay_from``, ``average_decay``.

    Returns
    -------
    step : TrainingStep
        Reports ``"critic"``, ``"penalty"``, ``"reconstruction"``, ``"divergence"`` and
        ``"generator"``.
    """
    augment = augment or unchanged
    compare = partial(compared, reconstruction=reconstruction, augment=augment)
    shared = {"loss": loss, "augment": augment}
    of_critic = partial(decoder_critic_objective, penalties=penalties, **shared)
    of_encoder = partial(encoder_objective, divergence=divergence, beta=beta, compare=compare)
    of_generator = partial(decoder_objective, weights=weights, compare=compare, **shared)
    return TrainingStep(
        {"generator": generator, "critic": critic, "encoder_network": encoder},
        {
            "generator": Player([generator], adam(learning_rate, betas)),
            "critic": Player([critic], adam(critic_rate, betas)),
            "encoder_network": Player([encoder], adam(learning_rate, betas)),
        },
        [
            Update("critic", of_critic, n_critic),
            Update("encoder_network", of_encoder),
            Update("generator", of_generator, fresh=False),
        ],
        rng,
        prepare=partial(moved, augment=symmetries),
        generate=rebuilt_and_new,
        **settings,
    )


def decoder_critic_objective(networks, batch, rng, *, loss, penalties, augment):
    """Return the critic's loss on real images, reconstructions and new images."""
    critic = networks["critic"]
    images = [batch.images, *rebuilt_and_new(networks, batch, rng)]
    real, rebuilt, new = (augment(x, rng) for x in images)
    # Each kind by itself: a normalisation would separate real and generated images by the batch.
    scores = torch.stack([critic(rebuilt), critic(new)])
    judged = loss.critic(critic(real), scores)
    fake = _either(rebuilt, new, rng) if penalties else None
    penalty = total_penalty(penalties, critic, real, fake, rng)
    return judged + penalty, {"critic": judged, "penalty": penalty}


def encoder_objective(networks, batch, rng, *, divergence, beta, compare):
    """Return the encoder's loss: how far reconstructions are, and codes from the prior."""
    latents, mean, log_variance = drawn_code(networks, batch.images, rng)
    rebuilt, _ = decoded(networks, latents, batch.conditions, rng)
    error = compare(rebuilt, batch.images, rng)
    distance = divergence(mean, log_variance, rng)
    return beta * distance + error, {"reconstruction": error, "divergence": distance}


def decoder_objective(networks, batch, rng, *, loss, weights, augment, compare):
    """Return the generator's loss on reconstructions and new images."""
    critic = networks["critic"]
    rebuilt, new = rebuilt_and_new(networks, batch, rng)
    parts = [
        *(loss.generator(critic(augment(x, rng))) for x in (rebuilt, new)),
        compare(rebuilt, batch.images, rng),
    ]
    total = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    return total, {"generator": total}


def rebuilt_and_new(networks, batch, rng):
    """Return reconstructions of a batch and as many new images."""
    latents, _, _ = drawn_code(networks, batch.images, rng)
    return decoded(networks, latents, batch.conditions, rng)


def decoded(networks, latents, conditions, rng):
    """Return the images of codes, and of noise beside them."""
    generator = networks["generator"]
    latents = torch.cat([latents, noise_for(generator, conditions, rng)])
    return generator(latents, torch.cat([conditions, conditions])).chunk(2)


def compared(channels, images, rng, *, reconstruction, augment):
    """Return the reconstruction loss after an augmentation that both share."""
    both = augment(torch.cat([channels, images], dim=1), rng)
    return reconstruction(*both.chunk(2, dim=1))


def _either(rebuilt, new, rng):
    """Choose at random between the two kinds of generated images, row by row."""
    coins = torch.rand(len(new), generator=rng).to(new.device) < 0.5
    return torch.where(coins.view(-1, *[1] * (new.ndim - 1)), rebuilt, new)
