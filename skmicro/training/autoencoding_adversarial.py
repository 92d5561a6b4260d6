"""Training of encoder, generator and critic, each on a loss of its own (Zhang et al. 2023).

    L_E = beta D_KL + L_rec                                                            (Eq. 1)
    L_D = -log D(x) - log(1 - D(G(z))) - log(1 - D(G(e)))                              (Eq. 6)
    L_G = -lambda_vae log D(G(z)) - lambda_noise log D(G(e)) + lambda_rec L_rec        (Eq. 7)

with z drawn from what the encoder tells of a real image x, and e standard normal. The logarithms
may be those of another :class:`AdversarialLoss`. All that the critic sees is augmented, image by
image; an image and its reconstruction are compared after one and the same augmentation.

Reconstructions and new images are made in one batch: what a generator normalises by is then the
same for both, in training and, as an average, afterwards.
"""

import torch

from ..losses import drawn_latents
from .adversarial import AdversarialStep


class AutoencodingAdversarialStep(AdversarialStep):
    """Critic against a generator that is also the decoder of an encoder.

    Parameters
    ----------
    encoder : torch.nn.Module
        ``encoder(channels)``: means and logarithms of variances of latents side by side,
        (n, 2 * n_latent).
    generator, critic : torch.nn.Module
        As in :class:`AdversarialStep`.
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
    critic_rate : float
        Rate of the critic's Adam; ``learning_rate`` is that of encoder and generator.
    symmetries : callable
        ``symmetries(images, rng) -> images``, applied to training images before anything else.
    **settings : any
        As in :class:`AdversarialStep`; ``augment`` moves generated images as well.
    """

    def __init__(
        self,
        encoder,
        generator,
        critic,
        loss,
        reconstruction,
        divergence,
        *,
        beta,
        weights,
        critic_rate,
        symmetries,
        **settings,
    ):
        super().__init__(generator, critic, loss, **settings)
        self.modules["encoder_network"] = encoder.train().requires_grad_(True)
        self.reconstruction = reconstruction
        self.divergence = divergence
        self.beta = beta
        self.weights = weights
        self.symmetries = symmetries
        rate, betas = settings["learning_rate"], self.optimizers["critic"].defaults["betas"]
        self._add_adam("encoder_network", encoder.parameters(), rate, betas)
        self._add_adam("critic", critic.parameters(), critic_rate, betas)

    def _critic_step(self, batch):
        batch = self._moved(batch)
        critic = self.modules["critic"]
        critic.requires_grad_(True)
        with torch.no_grad():
            images = [batch.images, *self._made(self.modules["generator"], batch)]
            real, rebuilt, new = (self.augment(x, self.rng) for x in images)
        # Each kind by itself: a normalisation would tell real from generated images by the batch.
        scores = torch.stack([critic(rebuilt), critic(new)])
        loss = self.loss.critic(critic(real), scores)
        fake = self._either(rebuilt, new) if self.penalties else None
        penalty = sum(
            (penalty(critic, real, fake, self.rng) for penalty in self.penalties),
            start=torch.zeros_like(loss),
        )
        self._descend("critic", loss + penalty)
        return {"critic": loss.detach(), "penalty": penalty.detach()}

    def _generator_step(self, batch):
        batch = self._moved(batch)
        losses = self._encoder_step(batch)
        critic = self.modules["critic"].requires_grad_(False)
        rebuilt, new = self._made(self.modules["generator"], batch)
        parts = [
            *(self.loss.generator(critic(self.augment(x, self.rng))) for x in (rebuilt, new)),
            self._compared(rebuilt, batch.images),
        ]
        loss = sum(weight * part for weight, part in zip(self.weights, parts, strict=True))
        self._descend("generator", loss)
        return losses | {"generator": loss.detach()}

    def _encoder_step(self, batch):
        generator = self.modules["generator"].requires_grad_(False)
        latents, mean, log_variance = self._code(batch.images)
        rebuilt, _ = self._decoded(generator, latents, batch.conditions)
        reconstruction = self._compared(rebuilt, batch.images)
        divergence = self.divergence(mean, log_variance, self.rng)
        self._descend("encoder_network", self.beta * divergence + reconstruction)
        generator.requires_grad_(True)
        return {"reconstruction": reconstruction.detach(), "divergence": divergence.detach()}

    def _made(self, generator, batch):
        """Return reconstructions of a batch and as many new images."""
        with torch.no_grad():
            latents, _, _ = self._code(batch.images)
        return self._decoded(generator, latents, batch.conditions)

    def _decoded(self, generator, latents, conditions):
        """Return the images of codes, and of noise beside them."""
        latents = torch.cat([latents, self._noise(generator, conditions)])
        return generator(latents, torch.cat([conditions, conditions])).chunk(2)

    def _moved(self, batch):
        """Return a batch whose images are moved by symmetries of the material."""
        return batch._replace(images=self.symmetries(batch.images, self.rng))

    def _code(self, images):
        """Return latents drawn for images, with means and logarithms of variances."""
        mean, log_variance = self.modules["encoder_network"](images).chunk(2, dim=1)
        return drawn_latents(mean, log_variance, self.rng), mean, log_variance

    def _compared(self, channels, images):
        """Return the reconstruction loss after an augmentation that both share."""
        moved = self.augment(torch.cat([channels, images], dim=1), self.rng)
        return self.reconstruction(*moved.chunk(2, dim=1))

    def _either(self, rebuilt, new):
        """Choose at random between the two kinds of generated images, row by row."""
        coins = torch.rand(len(new), generator=self.rng).to(new.device) < 0.5
        return torch.where(coins.view(-1, *[1] * (new.ndim - 1)), rebuilt, new)
