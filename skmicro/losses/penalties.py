"""Penalties that keep a critic Lipschitz.

Gulrajani et al. 2017: on images between real and generated ones,
x' = e x + (1 - e) G(z) with e uniform in (0, 1) for each pair,

    P = weight * E[(||grad D(x')||_2 - 1)^2].

The critic must treat the images of a batch independently (no BatchNorm), otherwise
the gradient of one score with respect to its own image is not what is penalised.
"""

import torch


class GradientPenalty:
    """Two-sided gradient penalty on interpolated images.

    Parameters
    ----------
    weight : float, default=10.0
        Factor of the penalty.
    """

    def __init__(self, weight: float = 10.0):
        self.weight = weight

    def __call__(self, critic, real, fake, rng):
        """Return the penalty of a critic between real and generated images, (n, C, *S)."""
        mix = torch.rand(len(real), generator=rng, dtype=real.dtype).to(real.device)
        mix = mix.view(-1, *[1] * (real.ndim - 1))
        between = torch.lerp(fake, real, mix).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return self.weight * (slope.flatten(1).norm(dim=1) - 1.0).square().mean()
