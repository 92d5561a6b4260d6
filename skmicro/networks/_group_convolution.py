"""Convolutions that commute with turns of the image.

A feature map has, for each turn g of a group, a value of every channel: f(g, x). A kernel psi of
images is used in all orientations, and one of feature maps is turned in space and in the group
alike (Cohen & Welling 2016; Winkels & Cohen 2018 for the 24 turns of a cube):

    f_1(g) = f * (g psi),        f_2(g) = sum_k f_1(k) * (g psi)(k),   (g psi)(k) = g psi(g^-1 k).

If h turns the image, h f(h^-1 g) takes the place of f(g), so that a mean over the group and over
the voxels stays the same.
"""

import torch
from torch import nn

from ._blocks import continued

_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}


class GroupConv(nn.Module):
    """Convolution over a group of turns that keeps the size.

    Parameters
    ----------
    turns : list of Move
        The group, see :func:`skmicro.images.quarter_turns`.
    n_in, n_out : int
        Channels for each turn, those of the image if ``of_images``.
    kernel_size : {1, 3}
        Side of the kernels.
    periodic : bool
        Wrap around the borders instead of padding with zeros.
    of_images : bool, default=False
        Whether the input is images, which have no values for turns.
    """

    def __init__(self, turns, n_in, n_out, kernel_size, periodic, of_images=False):
        super().__init__()
        ndim, n_turns = len(turns[0].order), 1 if of_images else len(turns)
        self.kernels = _CONVOLUTIONS[ndim](n_turns * n_in, n_out, kernel_size)
        self.apply_kernels = {2: nn.functional.conv2d, 3: nn.functional.conv3d}[ndim]
        self.ends = "wrap" if periodic else "zero"
        self.n_turns = n_turns
        self.places = _places(turns, kernel_size, n_turns)

    def forward(self, x):
        kernels, margin = self.kernels, self.kernels.kernel_size[0] // 2
        places = torch.tensor(self.places, device=x.device)
        n_out, n_columns, *sides = kernels.weight.shape
        # Columns are (turn, channel), as in feature maps; a kernel's places are (turn, voxel).
        weight = kernels.weight.reshape(n_out, self.n_turns, n_columns // self.n_turns, -1)
        weight = weight.transpose(1, 2).flatten(2)[:, :, places]
        weight = weight.unflatten(3, (self.n_turns, -1)).permute(2, 0, 3, 1, 4)
        weight = weight.reshape(-1, n_columns, *sides)
        bias = kernels.bias.repeat(len(self.places))
        return self.apply_kernels(continued(x, margin, margin, self.ends), weight, bias)


def _places(turns, kernel_size, n_turns):
    """Return where each turned kernel takes its values, a list of (turn, voxel) for each turn."""
    ndim = len(turns[0].order)
    voxels = torch.arange(kernel_size**ndim, device="cpu").view(1, 1, *[kernel_size] * ndim)
    # The corners of a cube distinguish its rotations.
    corners = torch.arange(2**ndim, device="cpu").view(1, 1, *[2] * ndim)
    known = {tuple(turn(corners).flatten().tolist()): k for k, turn in enumerate(turns)}
    places = []
    for turn in turns:
        turned = turn(voxels).flatten()
        # The corners are turned by the inverse first and then by k, read from right to left.
        back = [known[tuple(turn.inverse(k(corners)).flatten().tolist())] for k in turns]
        sources = back if n_turns > 1 else [0]
        places.append([source * len(turned) + v for source in sources for v in turned.tolist()])
    return places
