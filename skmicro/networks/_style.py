"""Style networks: fixed networks that turn images into feature maps, for losses of style.

What such a network sees is grey images, one for each *view* of an image of phases: of two phases
the second, an image of 0 and 1; of more phases each for itself, so that they count alike and their
order means nothing. Maps are those of all chosen layers of the first view, then of the next.

Without any file there are filters drawn at random (Ustyuzhaninov et al. 2016): one layer of
filters with a rectifier, at several scales at once. Here the scales are those of the image, halved
again and again by averages, so that filters of five voxels see five to forty of the image.
"""

import copy
import os
from collections.abc import Sequence

import torch
from torch import nn

from .._random import torch_generator
from ._blocks import continued, halve
from ._build import build
from ._vgg import check_layers, is_vgg, read_state, vgg

SCALES = {"scale1": 0, "scale2": 1, "scale4": 2, "scale8": 3}
VGG_LAYERS = ("conv1_1", "pool1", "conv2_1", "pool2")
N_FILTERS, SIDE = 16, 5
SEED = 0
GAIN = 12.0  # with which style weighs about as much as reconstructions, at weights of one
GREY_CHANNELS = 3  # of networks for photographs
_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}


class StyleNetwork(nn.Module):
    """Channels of images to feature maps; see :func:`style_network`."""

    def __init__(self, body, n_inputs):
        super().__init__()
        self.body = body
        self.n_inputs = n_inputs

    def forward(self, channels):
        """Return the maps of images (n, C, *S), a list of tensors (n, C_l, *S_l)."""
        repeats = [-1, self.n_inputs, *[-1] * (channels.ndim - 2)]
        views = [view.expand(repeats) for view in grey_views(channels)]
        return [features for view in views for features in self.body(view)]


class RandomFilters(nn.Module):
    """Grey images (n, 1, *S) to the maps of random filters at some scales."""

    def __init__(self, layers, ndim, periodic):
        super().__init__()
        self.halvings = [SCALES[name] for name in layers]
        self.ends = "wrap" if periodic else "edge"
        self.filters = nn.ModuleList(
            _CONVOLUTIONS[ndim](1, N_FILTERS, SIDE, bias=False) for _ in SCALES
        )

    def forward(self, images):
        """Return the maps of the requested scales, from fine to coarse."""
        maps, margin = [], SIDE // 2
        for k, filters in enumerate(self.filters):
            if k in self.halvings:
                seen = filters(continued(images, margin, margin, self.ends))
                maps.append(GAIN * seen.relu())
            images = halve(images)
        return maps


class LayersOf(nn.Module):
    """Images to the outputs of some modules within a network, by their dotted names."""

    def __init__(self, network, layers):
        super().__init__()
        known = dict(network.named_modules())
        check_layers(layers, [name for name in known if name])
        self.network = network
        self.layers = layers
        self.outputs = {}
        for name in layers:
            known[name].register_forward_hook(self._keep(name))

    def _keep(self, name):
        def keep(module, inputs, output):
            self.outputs[name] = output

        return keep

    def forward(self, images):
        """Return the outputs, in the order of the names."""
        self.outputs.clear()
        self.network(images)
        maps = [self.outputs.pop(name, None) for name in self.layers]
        for name, output in zip(self.layers, maps, strict=True):
            if not torch.is_tensor(output) or output.ndim < 3 or len(output) != len(images):
                got = tuple(output.shape) if torch.is_tensor(output) else type(output).__name__
                raise ValueError(
                    "style_layers must name layers whose outputs are feature maps (n, channels, "
                    f"*spatial), got {name!r} with {got}."
                )
        return maps


def grey_views(channels):
    """Return grey images (n, 1, *S) that show the channels (n, C, *S) of images."""
    views = channels.split(1, dim=1)
    return views[1:] if len(views) == 2 else views


def style_network(
    source, layers: Sequence | None, image_shape: tuple[int, ...], *, periodic: bool = False
) -> torch.nn.Module:
    """Return a fixed network that turns images into feature maps.

    Parameters
    ----------
    source : "random", path-like or torch.nn.Module
        ``"random"``: filters drawn once and for all, at scales 1, 2, 4 and 8, for images and
        volumes. A path: the state dict of torchvision's VGG-16 or VGG-19, as safetensors if the
        file ends so. A module: one of these, or any network of images of three channels.
    layers : sequence of str or None
        Layers whose maps are returned. ``"scale1"`` to ``"scale8"`` of random filters; of a
        VGG ``"convB_K"``, the K-th convolution of block B after its rectifier, and ``"poolB"``; of
        other modules the names that ``named_modules()`` gives. ``None`` means all scales, or
        conv1_1, pool1, conv2_1 and pool2.
    image_shape : tuple of int
        Spatial shape of the images.
    periodic : bool, default=False
        Whether random filters wrap around the borders.

    Returns
    -------
    network : torch.nn.Module
        ``network(channels)``: channels (n, C, *S) to a list of maps (n, C_l, *S_l). Its
        weights need no gradients.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If a layer is unknown or has no maps of such images, or the file holds something else.

    References
    ----------
    .. [1] I. Ustyuzhaninov, W. Brendel, L. A. Gatys, M. Bethge, "Texture synthesis using shallow
       convolutional networks with random filters", 2016, arXiv:1606.00021.
    """
    if isinstance(source, str) and source == "random":
        network = StyleNetwork(_random_filters(layers, len(image_shape), periodic), 1)
    else:
        network = StyleNetwork(_given(source, layers, image_shape), GREY_CHANNELS)
    return network.requires_grad_(False).eval()


def _random_filters(layers, ndim, periodic):
    """Return random filters; their sums are not zero, so that they see volume fractions as well."""
    layers = tuple(SCALES) if layers is None else layers
    check_layers(layers, SCALES)
    return build(lambda: RandomFilters(layers, ndim, periodic), torch_generator(SEED))


def _given(source, layers, image_shape):
    """Return the network of a file or a module."""
    from_file = isinstance(source, (str, os.PathLike))
    state = read_state(source) if from_file else source.state_dict()
    own_names = dict(() if from_file else source.named_modules())
    if from_file or (is_vgg(state) and (layers is None or not set(layers) <= set(own_names))):
        return vgg(state, VGG_LAYERS if layers is None else layers, image_shape)
    if layers is None:
        raise ValueError("style_layers must name layers of style_network, got None.")
    return LayersOf(copy.deepcopy(source), list(layers))
