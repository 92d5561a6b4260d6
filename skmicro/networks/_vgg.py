"""The convolutional part of VGG-16 and VGG-19, up to the deepest requested layer.

Weights are those of torchvision's state dicts: ``features.K.weight`` and ``features.K.bias``, K
counting convolutions, rectifiers and poolings alike. Layers are named as in the literature on
style: ``convB_K`` is the K-th convolution of block B with its rectifier, ``poolB`` the pooling that
ends the block (Simonyan & Zisserman 2015).
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
FIRST = "features.0.weight"
ONLY_IN_19 = "features.16.weight"
NORMALISED = "features.1.weight"
COARSENING = 2
SHAPES = {"weight": lambda shape: shape, "bias": lambda shape: shape[:1]}


class VGG(nn.Module):
    """Images (n, 3, height, width) to the maps of some layers, in the order of the network.

    ``plan`` has the layers up to the last one: name, index in the state dict (``None`` for
    poolings) and shape of the weights.
    """

    def __init__(self, plan, state, layers):
        super().__init__()
        self.plan = plan
        self.layers = layers
        self.convolutions = nn.ModuleDict()
        for name, index, shape in plan:
            if index is not None:
                weight, bias = (_tensor(state, name, index, kind, shape) for kind in SHAPES)
                layer = nn.Conv2d(shape[1], shape[0], 3, padding=1, device="meta")
                layer.load_state_dict({"weight": weight, "bias": bias}, assign=True)
                self.convolutions[name] = layer

    def forward(self, images):
        """Return the maps of the requested layers."""
        x, maps = images, []
        for name, index, _ in self.plan:
            if index is None:
                x = functional.max_pool2d(x, COARSENING)
            else:
                x = self.convolutions[name](x).relu()
            if name in self.layers:
                maps.append(x)
        return maps


def vgg_plan(depth):
    """Return name, index and shape of the weights of every layer of a VGG."""
    plan, index, n_in = [], 0, 3
    for block, (n_convolutions, n_out) in enumerate(
        zip(CONVOLUTIONS[depth], WIDTHS, strict=True), start=1
    ):
        for k in range(1, n_convolutions + 1):
            plan.append((f"conv{block}_{k}", index, (n_out, n_in, 3, 3)))
            index, n_in = index + 2, n_out
        plan.append((f"pool{block}", None, None))
        index += 1
    return plan


def is_vgg(state):
    """Tell whether a state dict starts like that of a VGG."""
    return FIRST in state and tuple(state[FIRST].shape) == (64, 3, 3, 3)


def vgg(state, layers, image_shape):
    """Return the part of a VGG that computes the maps of some layers.

    Parameters
    ----------
    state : dict of str to Tensor
        State dict of torchvision's VGG-16 or VGG-19, identified by its keys.
    layers : sequence of str
        Names of layers.
    image_shape : tuple of int
        Spatial shape of the images.

    Returns
    -------
    network : VGG
        Maps of images (n, 3, height, width).

    Raises
    ------
    ValueError
        If a layer is unknown, the state lacks weights that the layers need, or has others than
        a VGG, or the images are volumes or vanish before the last layer.
    """
    if len(image_shape) != 2:
        raise ValueError(f"style_network must be made for volumes, got a VGG for {image_shape}.")
    if NORMALISED in state:
        raise ValueError(
            f"style_network must be a VGG without batch normalisation, got one with {NORMALISED}."
        )
    depth = 19 if ONLY_IN_19 in state else 16
    plan = vgg_plan(depth)
    names = [name for name, _, _ in plan]
    check_layers(layers, names)
    plan = plan[: 1 + max(map(names.index, layers))]
    n_pools = sum(index is None for _, index, _ in plan)
    if min(image_shape) < COARSENING**n_pools:
        raise ValueError(
            f"style_layers must end before the images vanish: {plan[-1][0]} needs sides of at "
            f"least {COARSENING**n_pools}, got images of {tuple(image_shape)}."
        )
    return VGG(plan, state, list(layers))


def read_state(path):
    """Return the state dict in a file: safetensors by its suffix, else what torch has saved.

    Parameters
    ----------
    path : path-like
        The file; no code in it is run.

    Returns
    -------
    state : dict of str to Tensor
        Tensors by name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it does not hold a state dict.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"style_network must be an existing file, got {str(path)!r}.")
    try:
        if Path(path).suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what it is differs with the format and the damage
        raise ValueError(
            f"style_network must name a file with a state dict, got {str(path)!r}: {error}"
        ) from error
    if not isinstance(state, dict) or not all(torch.is_tensor(x) for x in state.values()):
        raise ValueError(
            f"style_network must name a file with a state dict, got {str(path)!r} with a "
            f"{type(state).__name__} of something else."
        )
    return state


def check_layers(layers, known):
    """Raise unless all layers are known."""
    unknown = [name for name in layers if name not in known]
    if unknown:
        raise ValueError(f"style_layers must be some of {list(known)}, got {unknown[0]!r}.")


def _tensor(state, layer, index, kind, shape):
    """Return a tensor of the state dict, checked."""
    key, wanted = f"features.{index}.{kind}", SHAPES[kind](shape)
    if key not in state:
        raise ValueError(f"style_network must have {key}, which {layer} needs; it is missing.")
    if tuple(state[key].shape) != wanted:
        raise ValueError(
            f"style_network must have {key} of shape {wanted}, got {tuple(state[key].shape)}."
        )
    return state[key].detach().clone()
