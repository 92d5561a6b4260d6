"""Adversarial training.

:class:`AdversarialStep` is the three-way alternation of Joshi et al. 2020, Alg. 1:
``n_critic`` critic steps, a generator step on the adversarial loss, and for every
projection ``n_steps`` generator steps on its own loss with its own optimizer. Without
projections it is the WGAN-GP of Gulrajani et al. 2017.

Conditional relatives differ in what the critic sees (``view``: conditions as further
channels make a conditional GAN) and in what else it has to tell (``auxiliaries``: the
conditions of an image make an auxiliary-classifier GAN).
"""

import torch

from .steps import GeneratorStep


class AdversarialStep(GeneratorStep):
    """Generator against critic, with penalties, projections and weight averaging.

    Parameters
    ----------
    generator : torch.nn.Module
        ``generator(latents, conditions) -> channels``, with an attribute ``n_latent``.
    critic : torch.nn.Module
        ``critic(channels) -> scores`` of shape (n,).
    loss : AdversarialLoss
        What the two players minimise.
    learning_rate : float
        Rate of both Adam optimizers.
    rng : torch.Generator
        Source of latents, mixing weights and augmentations.
    betas : tuple of float, default=(0.0, 0.9)
        Decay rates of Adam's moments.
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
    average_decay : float, default=0.0
        Decay of the averaged generator; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall.
    """

    def __init__(
        self,
        generator,
        critic,
        loss,
        *,
        learning_rate,
        rng,
        betas=(0.0, 0.9),
        n_critic=5,
        penalties=(),
        projections=(),
        augment=None,
        view=None,
        auxiliaries=(),
        average_decay=0.0,
        decay_from=1.0,
    ):
        networks = {"generator": generator, "critic": critic}
        super().__init__(networks, rng, projections, average_decay, decay_from)
        self.loss = loss
        self.n_critic = n_critic
        self.penalties = penalties
        self.augment = augment if augment is not None else _unchanged
        self.view = view if view is not None else _unchanged
        self.auxiliaries = auxiliaries
        self._add_adam("generator", generator.parameters(), learning_rate, betas)
        self._add_adam("critic", critic.parameters(), learning_rate, betas)
        for k, projection in enumerate(projections):
            if projection.n_steps == 0:
                continue
            name = f"projection{k}"
            self._add_adam(name, generator.parameters(), projection.learning_rate, betas)

    def __call__(self, batches):
        """Do one iteration and return its losses."""
        losses = {}
        for _ in range(self.n_critic):
            losses |= self._critic_step(next(batches))
        batch = next(batches)
        losses |= self._generator_step(batch)
        for k, projection in enumerate(self.projections):
            for _ in range(projection.n_steps):
                losses |= self._projection_step(f"projection{k}", projection, batch)
        self._update_average()
        return losses

    def _critic_step(self, batch):
        generator, critic = self.modules["generator"], self.modules["critic"]
        critic.requires_grad_(True)
        with torch.no_grad():
            fake = self.view(self._generate(generator, batch.conditions), batch)
        images = self.augment(batch.images, self.rng)
        real = self.view(images, batch)
        real_scores, fake_scores = critic(torch.cat([real, fake])).chunk(2)
        loss = self.loss.critic(real_scores, fake_scores)
        penalty = sum(
            (penalty(critic, real, fake, self.rng) for penalty in self.penalties),
            start=torch.zeros_like(loss),
        )
        auxiliary = sum(term(critic, images, batch) for term in self.auxiliaries)
        self._descend("critic", loss + penalty + auxiliary)
        return {"critic": loss.detach(), "penalty": penalty.detach()}

    def _generator_step(self, batch):
        generator, critic = self.modules["generator"], self.modules["critic"]
        critic.requires_grad_(False)
        fake = self._generate(generator, batch.conditions)
        loss = self.loss.generator(critic(self.view(fake, batch)))
        losses = {"generator": loss.detach()}
        loss = loss + sum(term(critic, fake, batch) for term in self.auxiliaries)
        for k, projection in enumerate(self.projections):
            if projection.n_steps == 0:
                extra = projection.loss(fake, batch)
                losses[f"projection{k}"] = extra.detach()
                loss = loss + extra
        self._descend("generator", loss)
        return losses

    def _projection_step(self, name, projection, batch):
        fake = self._generate(self.modules["generator"], batch.conditions)
        loss = projection.loss(fake, batch)
        self._descend(name, loss)
        return {name: loss.detach()}


def _unchanged(images, _):
    return images
