"""The objective of a student against closed forms."""

import math

import pytest
import torch

from skmicro.losses import distillation_loss

SHARES = {1: [0.3, 0.7], 3: [0.2, 0.5, 0.3]}


def ends(n_channels):
    """Ends of flows whose voxels have the phases so often."""
    shares = SHARES[n_channels]
    phases = torch.repeat_interleave(
        torch.arange(len(shares)), (torch.tensor(shares) * 10).round().long()
    )
    one_hot = torch.nn.functional.one_hot(phases.long().view(1, 2, 5)).movedim(-1, 1).double()
    return 2.0 * (one_hot[:, 1:] if n_channels == 1 else one_hot) - 1.0


def constant(n_channels, shares):
    """Evidence of the same probabilities everywhere."""
    logs = torch.tensor(shares, dtype=torch.float64).log()
    told = (logs[1:] - logs[:1]) / 2 if n_channels == 1 else logs / 2 + 0.7
    return lambda noise, conditions: told.view(1, -1, 1, 1).expand_as(noise)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_it_is_the_cross_entropy_and_least_for_the_true_probabilities(n_channels):
    stack, shares = ends(n_channels), SHARES[n_channels]
    given = torch.zeros_like(stack), stack, stack.new_zeros(1, 0)
    entropy = -sum(share * math.log(share) for share in shares)
    told = constant(n_channels, shares)
    assert distillation_loss(told, *given).item() == pytest.approx(entropy, rel=1e-12)
    flat = constant(n_channels, [1 / len(shares)] * len(shares))
    assert distillation_loss(flat, *given).item() == pytest.approx(math.log(len(shares)), rel=1e-12)


def test_a_certain_student_pays_nothing_where_it_is_right_and_much_where_it_is_wrong():
    for n_channels in (1, 3):
        stack = ends(n_channels)
        given = torch.zeros_like(stack), stack, stack.new_zeros(1, 0)
        assert distillation_loss(lambda z, c, s=stack: 30.0 * s, *given) < 1e-12
        assert distillation_loss(lambda z, c, s=stack: -30.0 * s, *given) > 50.0
