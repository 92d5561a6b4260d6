"""Losses of the two players.

Wasserstein (Arjovsky et al. 2017): with the critic D and generator G,

    L_D = E[D(G(z))] - E[D(x)],        L_G = -E[D(G(z))].
"""

from collections.abc import Callable
from typing import NamedTuple


class AdversarialLoss(NamedTuple):
    """What the critic and what the generator minimise.

    Attributes
    ----------
    critic : callable
        ``critic(real_scores, fake_scores) -> scalar``.
    generator : callable
        ``generator(fake_scores) -> scalar``.
    """

    critic: Callable
    generator: Callable


def _wasserstein_critic(real_scores, fake_scores):
    return fake_scores.mean() - real_scores.mean()


def _wasserstein_generator(fake_scores):
    return -fake_scores.mean()


ADVERSARIAL_LOSSES = {
    "wasserstein": AdversarialLoss(_wasserstein_critic, _wasserstein_generator),
}
