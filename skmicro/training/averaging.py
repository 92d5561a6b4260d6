"""Exponential moving average of weights.

    w_avg <- decay * w_avg + (1 - decay) * w

BatchNorm statistics belong to the weights they were measured with, so those of the
averaged network are measured anew when training ends.
"""

import copy

import torch
from torch.nn.modules.batchnorm import _BatchNorm

N_BATCHES = 20


class WeightAverage:
    """A copy of a module that follows its weights slowly.

    ``decay``, in [0, 1), is the share of the average that survives an update.
    """

    def __init__(self, module, decay):
        self.decay = decay
        self.module = copy.deepcopy(module).requires_grad_(False)
        self._average = list(self.module.parameters())
        self._current = list(module.parameters())

    @torch.no_grad()
    def update(self, n_updates):
        """Move the average towards the current weights, after so many updates of them.

        It forgets faster at first, with a decay of at most (1 + n) / (10 + n), so that short
        trainings do not keep what they began with.
        """
        early = (1 + n_updates) / (10 + n_updates)
        torch._foreach_lerp_(self._average, self._current, 1.0 - min(self.decay, early))


@torch.no_grad()
def measure_batch_statistics(module, forward):
    """Set the running statistics of every BatchNorm to plain means over ``N_BATCHES`` new batches.

    ``forward(module)`` sends one training batch through the module, which is left in evaluation
    mode.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None
    module.train()
    if norms:
        for _ in range(N_BATCHES):
            forward(module)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    module.eval()
