"""Mixed precision: convolutions in bfloat16, where the device is faster with them.

Weights stay in single precision, and so does what a network does outside of the context that it
asks for: what comes in, what goes out, linear layers behind it. Gradients pass through the
rounding, as do those of gradients.
"""

import torch
from torch import nn

from .._arrays import multiplies_bfloat16


class MixedNetwork(nn.Module):
    """Base class of networks whose convolutions may be in bfloat16; ``bfloat16`` asks for it."""

    bfloat16 = False

    def convolving(self, x):
        """Return the context of convolutions of ``x``; what it gives is of either type."""
        low = self.bfloat16 and x.dtype == torch.float32 and multiplies_bfloat16(x.device)
        return torch.autocast(x.device.type, torch.bfloat16, enabled=low)


def mixed_precision(network: torch.nn.Module) -> torch.nn.Module:
    """Let a network compute convolutions in bfloat16 where the device is faster with them.

    Parameters
    ----------
    network : torch.nn.Module
        A network, which is changed, and whose parts are. Those of the user's own layers stay in
        single precision.

    Returns
    -------
    network : torch.nn.Module
        The network.
    """
    for module in network.modules():
        if isinstance(module, MixedNetwork):
            module.bfloat16 = True
    return network
