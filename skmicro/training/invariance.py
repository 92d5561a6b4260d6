"""Training on descriptors alone, without a critic (Singh et al. 2018, Sec. 2.2).

An iteration is one generator step on the sum of the projections' losses,

    L = sum_j lambda_j E_z |I_j(G(z)) - r_j|^2                               (Eq. 4)
"""

from .steps import GeneratorStep


class InvarianceStep(GeneratorStep):
    """A generator against descriptors that its images are to have.

    Parameters
    ----------
    generator : torch.nn.Module
        ``generator(latents, conditions) -> channels``, with an attribute ``n_latent``.
    projections : sequence of Projection
        Objectives, all minimised together in one update.
    learning_rate : float
        Rate of Adam.
    rng : torch.Generator
        Source of latents.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's moments.
    average_decay : float, default=0.0
        Decay of the averaged generator; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall.
    """

    def __init__(
        self,
        generator,
        projections,
        *,
        learning_rate,
        rng,
        betas=(0.9, 0.999),
        average_decay=0.0,
        decay_from=1.0,
    ):
        super().__init__({"generator": generator}, rng, projections, average_decay, decay_from)
        self._add_adam("generator", generator.parameters(), learning_rate, betas)

    def __call__(self, batches):
        """Do one iteration and return its loss."""
        batch = next(batches)
        fake = self._generate(self.modules["generator"], batch.conditions)
        loss = sum(projection.loss(fake, batch) for projection in self.projections)
        self._descend("generator", loss)
        self._update_average()
        return {"invariance": loss.detach()}
