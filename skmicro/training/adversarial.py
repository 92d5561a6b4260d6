"""Adversarial training.

:func:`adversarial_step` is the three-way alternation of Joshi et al. 2020, Alg. 1:
``n_critic`` critic steps, a generator step on the adversarial loss, and for every
projection ``n_steps`` generator steps on its own loss with its own optimizer. Without
projections it is the WGAN-GP of Gulrajani et al. 2017.

Conditional relatives differ in what the critic sees (``view``: conditions as further
channels make a conditional GAN) and in what else it predicts (``auxiliaries``: the
conditions of an image make an auxiliary-classifier GAN).
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from .projections import generated, projections_objective
from .steps import Player, TrainingStep, Update, adam

WGAN_ADAM = partial(adam, betas=(0.0, 0.9))
"""Adam as Gulrajani et al. 2017 have it, given a learning rate."""


def adversarial_step(
    generator: torch.nn.Module,
    critic: torch.nn.Module,
    loss,
    *,
    learning_rate: float,
    rng: torch.Generator,
    optimizer: Callable = WGAN_ADAM,
    critic_rate: float | None = None,
    generator_rates: Sequence = (),
    max_norm: float | None = None,
    n_critic: int = 5,
    penalties: Sequence = (),
    projections: Sequence = (),
    augment: Callable | None = None,
    view: Callable | None = None,
    auxiliaries: Sequence = (),
    **settings,
) -> TrainingStep:
    """Build the training of a generator against a critic, with penalties and projections.

    Parameters
    ----------
    generator : torch.nn.Module
        ``generator(latents, conditions) -> channels``, with an attribute ``n_latent``.
    critic : torch.nn.Module
        ``critic(channels) -> scores`` of shape (n,).
    loss : AdversarialLoss
        What the two players minimise.
    learning_rate : float
        Rate of both players' optimizers.
    rng : torch.Generator
        Source of latents, mixing weights and augmentations.
    optimizer : callable, default=WGAN_ADAM
        ``optimizer(learning_rate)`` returns a factory of optimizers.
    critic_rate : float or None, default=None
        Rate of the critic, if not that of the generator.
    generator_rates : sequence of (torch.nn.Module, float), default=()
        Parts of the generator with a multiple of its rate.
    max_norm : float or None, default=None
        Largest norm of each player's gradient.
    n_critic : int, default=5
        Critic steps per iteration.
    penalties : sequence of callable, default=()
        ``penalty(critic, real, fake, rng) -> scalar``, added to the critic's loss.
    projections : sequence of Projection, default=()
        Further generator steps.
    augment : callable or None, default=None
        ``augment(images, rng) -> images``, applied to real images.
    view : callable or None, default=None
        ``view(images, batch) -> channels``, what the critic sees of images and of the
        batch they belong to; ``None`` shows the images alone.
    auxiliaries : sequence of callable, default=()
        ``auxiliary(critic, images, batch) -> scalar``, added to the critic's loss for real
        images and to the generator's loss for generated ones.
    **settings : any
        As in :class:`TrainingStep`: ``decay_from``, ``average_decay``.

    Returns
    -------
    step : TrainingStep
        Reports ``"critic"``, ``"penalty"``, ``"generator"``, and the projections by their names.
    """
    networks = {"generator": generator, "critic": critic}
    view, augment = view or unchanged, augment or unchanged
    shared = {"loss": loss, "view": view, "auxiliaries": auxiliaries}
    of_critic = partial(critic_objective, penalties=penalties, augment=augment, **shared)
    named = {p.name or f"projection{k}": p for k, p in enumerate(projections)}
    added = {name: p for name, p in named.items() if p.n_steps == 0}
    of_generator = partial(generator_objective, added=added, **shared)
    rate = learning_rate if critic_rate is None else critic_rate
    players = {
        "generator": Player(
            [generator], optimizer(learning_rate), max_norm=max_norm, rates=generator_rates
        ),
        "critic": Player([critic], optimizer(rate), max_norm=max_norm),
    }
    updates = [Update("critic", of_critic, n_critic), Update("generator", of_generator)]
    for name, projection in named.items():
        if projection.n_steps > 0:
            players[name] = Player([generator], optimizer(projection.learning_rate))
            objective = partial(projections_objective, projections=[projection], name=name)
            updates.append(Update(name, objective, projection.n_steps, fresh=False))
    return TrainingStep(
        networks,
        players,
        updates,
        rng,
        projections=projections,
        **settings,
    )


def critic_objective(networks, batch, rng, *, loss, penalties, augment, view, auxiliaries):
    """Return the critic's loss on real and generated images."""
    critic = networks["critic"]
    fake = view(generated(networks, batch, rng), batch)
    images = augment(batch.images, rng)
    real = view(images, batch)
    real_scores, fake_scores = critic(torch.cat([real, fake])).chunk(2)
    judged = loss.critic(real_scores, fake_scores)
    penalty = total_penalty(penalties, critic, real, fake, rng)
    auxiliary = sum(term(critic, images, batch) for term in auxiliaries)
    return judged + penalty + auxiliary, {"critic": judged, "penalty": penalty}


def generator_objective(networks, batch, rng, *, loss, view, auxiliaries, added):
    """Return the generator's loss against a critic, with projections added, by name."""
    critic = networks["critic"]
    fake = generated(networks, batch, rng)
    judged = loss.generator(critic(view(fake, batch)))
    extra = {name: projection.loss(fake, batch) for name, projection in added.items()}
    total = judged + sum(term(critic, fake, batch) for term in auxiliaries)
    return sum(extra.values(), start=total), {"generator": judged} | extra


def total_penalty(penalties, critic, real, fake, rng):
    """Return the sum of a critic's penalties, 0 where there are none."""
    values = (penalty(critic, real, fake, rng) for penalty in penalties)
    return sum(values, start=real.new_zeros(()))


def unchanged(images, _):
    """Return images as they are."""
    return images
