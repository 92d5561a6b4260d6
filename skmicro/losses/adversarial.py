"""Losses of the two players.

Wasserstein (Arjovsky et al. 2017): with the critic D and generator G,

    L_D = E[D(G(z))] - E[D(x)],        L_G = -E[D(G(z))].

Logarithmic (Goodfellow et al. 2014), with P = sigmoid(D) the probability that an image is real, and
the generator's loss that does not saturate:

    L_D = -E[log P(x)] - E[log(1 - P(G(z)))],        L_G = -E[log P(G(z))].

Generated images may be of several kinds, with scores (n_kinds, n): the first loss takes their mean,
the second the sum over kinds (Zhang et al. 2023, Eq. 6).
"""

from collections.abc import Callable
from typing import NamedTuple

from torch.nn import functional


class AdversarialLoss(NamedTuple):
    """What the critic and what the generator minimise.

    Attributes
    ----------
    critic : callable
        ``critic(real_scores, fake_scores) -> scalar``; generated images may be of several
        kinds, with scores of shape (n_kinds, n).
    generator : callable
        ``generator(fake_scores) -> scalar``.
    """

    critic: Callable
    generator: Callable


def _wasserstein_critic(real_scores, fake_scores):
    return fake_scores.mean() - real_scores.mean()


def _wasserstein_generator(fake_scores):
    return -fake_scores.mean()


def _log_critic(real_scores, fake_scores):
    # log(1 - P) = -softplus(D) stays finite where the sigmoid does not leave 1.
    fakes = functional.softplus(fake_scores).mean(dim=-1).sum()
    return functional.softplus(-real_scores).mean() + fakes


def _log_generator(fake_scores):
    return functional.softplus(-fake_scores).mean()


ADVERSARIAL_LOSSES = {
    "log": AdversarialLoss(_log_critic, _log_generator),
    "wasserstein": AdversarialLoss(_wasserstein_critic, _wasserstein_generator),
}
