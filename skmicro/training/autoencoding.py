"""Training of an encoder and a generator on images and their reconstructions.

One step descends L_rec + beta D_KL (see :mod:`skmicro.losses.variational`) in both networks at
once; without ``beta`` the encoder predicts latents instead of distributions, and only L_rec counts.
Terms of further losses are functions ``term(networks, batch, decoded, rng) -> (loss, losses)`` of
the images that were decoded from drawn latents, such as that of :mod:`skmicro.training.style`.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from ..losses import drawn_latents, normal_divergence
from .steps import Player, TrainingStep, Update, adam


def autoencoding_step(
    encoder: torch.nn.Module,
    generator: torch.nn.Module,
    reconstruction: Callable,
    beta: float | None,
    *,
    learning_rate: float,
    rng: torch.Generator,
    betas: tuple[float, ...] = (0.9, 0.999),
    augment: Callable | None = None,
    reconstruction_weight: float = 1.0,
    terms: Sequence = (),
    **settings,
) -> TrainingStep:
    """Build the training of an encoder and a generator.

    Parameters
    ----------
    encoder : torch.nn.Module
        ``encoder(channels)``: latents (n, n_latent), or their means and logarithms of
        variances side by side (n, 2 * n_latent).
    generator : torch.nn.Module
        ``generator(latents, conditions) -> channels``.
    reconstruction : callable
        ``reconstruction(channels, images) -> scalar``.
    beta : float or None
        Weight of the divergence from the standard normal distribution; ``None`` for encoders
        that predict latents.
    learning_rate : float
        Rate of Adam.
    rng : torch.Generator
        Source of latents and augmentations.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's moments.
    augment : callable or None, default=None
        ``augment(images, rng) -> images``.
    reconstruction_weight : float, default=1.0
        Weight of the reconstruction, of encoders that predict distributions.
    terms : sequence of callable, default=()
        Further losses of encoders that predict distributions, added to the others.
    **settings : any
        As in :class:`TrainingStep`: ``decay_from``, ``average_decay``.

    Returns
    -------
    step : TrainingStep
        Reports ``"reconstruction"``, with ``beta`` ``"divergence"``, and what the terms report.
    """
    if beta is None:
        objective = partial(autoencoder_objective, reconstruction=reconstruction)
    else:
        objective = partial(
            variational_objective,
            reconstruction=reconstruction,
            beta=beta,
            weight=reconstruction_weight,
            terms=terms,
        )
    return TrainingStep(
        {"encoder_network": encoder, "generator": generator},
        {"autoencoder": Player([encoder, generator], adam(learning_rate, betas))},
        [Update("autoencoder", objective)],
        rng,
        prepare=None if augment is None else partial(moved, augment=augment),
        **settings,
    )


def autoencoder_objective(networks, batch, rng, *, reconstruction):
    """Return the loss of images decoded from the latents that the encoder predicts."""
    latents = networks["encoder_network"](batch.images)
    loss = reconstruction(networks["generator"](latents, batch.conditions), batch.images)
    return loss, {"reconstruction": loss}


def variational_objective(networks, batch, rng, *, reconstruction, beta, weight=1.0, terms=()):
    """Return the loss of images decoded from drawn latents, and of the latents' distribution."""
    latents, mean, log_variance = drawn_code(networks, batch.images, rng)
    decoded = networks["generator"](latents, batch.conditions)
    error = reconstruction(decoded, batch.images)
    divergence = normal_divergence(mean, log_variance)
    loss = weight * error + beta * divergence
    losses = {"reconstruction": error, "divergence": divergence}
    for term in terms:
        further, reported = term(networks, batch, decoded, rng)
        loss, losses = loss + further, losses | reported
    return loss, losses


def drawn_code(networks, images, rng):
    """Return latents drawn for images, with means and logarithms of variances."""
    mean, log_variance = networks["encoder_network"](images).chunk(2, dim=1)
    return drawn_latents(mean, log_variance, rng), mean, log_variance


def moved(batch, rng, *, augment):
    """Return a batch with augmented images."""
    return batch._replace(images=augment(batch.images, rng))
