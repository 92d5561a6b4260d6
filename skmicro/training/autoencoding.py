"""Training of an encoder and a generator on images and their reconstructions.

One step descends L_rec + beta D_KL (see :mod:`skmicro.losses.variational`) in both networks at
once; without ``beta`` the encoder tells latents instead of distributions, and only L_rec counts.
"""

from itertools import chain

from ..losses import drawn_latents, normal_divergence
from .steps import TrainingStep


class AutoencodingStep(TrainingStep):
    """Encoder and generator, with or without a distribution of latents between them.

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
        that tell latents.
    learning_rate : float
        Rate of Adam.
    rng : torch.Generator
        Source of latents and augmentations.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's moments.
    augment : callable or None, default=None
        ``augment(images, rng) -> images``.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall.
    """

    def __init__(
        self,
        encoder,
        generator,
        reconstruction,
        beta,
        *,
        learning_rate,
        rng,
        betas=(0.9, 0.999),
        augment=None,
        decay_from=1.0,
    ):
        networks = {"encoder_network": encoder, "generator": generator}
        super().__init__(networks, rng, decay_from)
        self.reconstruction = reconstruction
        self.beta = beta
        self.augment = augment
        parameters = chain(encoder.parameters(), generator.parameters())
        self._add_adam("autoencoder", list(parameters), learning_rate, betas)

    def __call__(self, batches):
        """Do one iteration and return its losses."""
        batch = next(batches)
        images = batch.images if self.augment is None else self.augment(batch.images, self.rng)
        latents, divergence = self._code(images)
        channels = self.modules["generator"](latents, batch.conditions)
        losses = {"reconstruction": self.reconstruction(channels, images)}
        loss = losses["reconstruction"]
        if divergence is not None:
            losses["divergence"] = divergence
            loss = loss + self.beta * divergence
        self._descend("autoencoder", loss)
        return {name: value.detach() for name, value in losses.items()}

    def _code(self, images):
        """Return latents of images, and the divergence of their distribution if there is one."""
        code = self.modules["encoder_network"](images)
        if self.beta is None:
            return code, None
        mean, log_variance = code.chunk(2, dim=1)
        return drawn_latents(mean, log_variance, self.rng), normal_divergence(mean, log_variance)
