"""Networks that predict numbers from images: convolutions, pooling, and a mean over the image.

Cang et al. 2018 ("Improving direct physical properties prediction of heterogeneous materials from
imaging data via convolutional neural network and a morphology-aware generative model", Fig. 4(b)):
four convolutions of 3 x 3 voxels with rectifiers, each followed by the largest of blocks of two
voxels. What is left goes through a mean over the image, so that images of any size have an answer,
and two linear layers.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import nn
from torch.nn import functional

from ._blocks import RowLinear, conv

_MAX_POOLS = {2: functional.max_pool2d, 3: functional.max_pool3d}


class RegressionNetwork(nn.Module):
    """Images to numbers; see :func:`regression_network`."""

    def __init__(self, n_channels, n_axes, n_outputs, widths, periodic):
        super().__init__()
        self.pool = _MAX_POOLS[n_axes]
        self.layers = nn.ModuleList(
            conv(n_axes, n_in, n_out, periodic=periodic)
            for n_in, n_out in pairwise([n_channels, *widths])
        )
        self.hidden = RowLinear(widths[-1], widths[-1])
        self.head = RowLinear(widths[-1], n_outputs)

    def forward(self, images):
        x = images
        for layer in self.layers:
            x = layer(x)
            # The rectifier commutes with the largest value, and is cheaper after it.
            x = functional.relu(self.pool(x, [min(2, s) for s in x.shape[2:]], ceil_mode=True))
        return self.head(functional.relu(self.hidden(x.flatten(2).mean(dim=2))))


def regression_network(
    n_channels: int,
    n_axes: Literal[2, 3],
    n_outputs: int,
    *,
    widths: Sequence = (16, 32, 64, 64),
    periodic: bool = False,
) -> "RegressionNetwork":
    """Return a network from images of any size to numbers.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    n_axes : {2, 3}
        Spatial axes of the images.
    n_outputs : int
        Numbers for each image.
    widths : sequence of int, default=(16, 32, 64, 64)
        Channels after each convolution.
    periodic : bool, default=False
        Convolutions wrap around the borders instead of padding with zeros.

    Returns
    -------
    network : RegressionNetwork
        ``network(channels) -> numbers`` of shape (n, n_outputs).
    """
    return RegressionNetwork(n_channels, n_axes, n_outputs, tuple(widths), periodic)
