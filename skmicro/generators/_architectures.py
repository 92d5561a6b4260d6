"""Networks by name, or by functions of the user that make them.

Those of the user are tried on two images before the training begins.
"""

from functools import wraps

import torch
from torch import nn

from .._checks import check_choice
from ..rules import Rule


def architecture(known, *players):
    """Return the rule of a parameter that says what networks are made by.

    ``known`` has functions that make the ``players``, in their order, by the name of an
    architecture. The rule allows the names, and as many callables as there are networks.
    """
    names = ", ".join(f'"{name}"' for name in known)

    def check(name, value):
        if not isinstance(value, (tuple, list)):
            check_choice(name, value, known)
        elif len(value) != len(players) or not all(map(callable, value)):
            raise ValueError(
                f"{name} must be one of {sorted(known)} or functions that make "
                f"{' and '.join(players)}, got {value!r}."
            )

    return Rule(f"{{{names}}} or tuple of callable", check)


def makers(value, known):
    """Return the functions that make the networks of an architecture."""
    if isinstance(value, str):
        return known[value]
    return [_checked(make, k) for k, make in enumerate(value)]


def _checked(make, k):
    """Return a maker that raises unless it has made a network, with ``n_latent`` if the first."""

    @wraps(make)
    def checked(*inputs, **settings):
        network = make(*inputs, **settings)
        if not isinstance(network, nn.Module):
            raise TypeError(f"architecture[{k}] must make a torch.nn.Module, got {network!r}.")
        if k == 0:
            width = getattr(network, "n_latent", None)
            if not isinstance(width, int) or width < 1:
                raise ValueError(
                    "architecture[0] must make a network with an attribute n_latent, an integer "
                    f">= 1, got {width!r}."
                )
        return network

    return checked


def check_networks(estimator, networks):
    """Raise unless networks of the user's own take and return what they have to.

    Parameters
    ----------
    estimator : NetworkGenerator
        Knows images and conditions. Nothing is checked unless its ``architecture`` is functions.
    networks : dict of str to torch.nn.Module
        New networks by name.

    Raises
    ------
    ValueError
        If one fails on two images, or returns something of another shape.
    """
    if isinstance(getattr(estimator, "architecture", ""), str):
        return
    n_channels, shape = estimator.encoder_.n_channels, estimator.image_shape_
    like = next(networks["generator"].parameters())
    n_latent, n_conditions = networks["generator"].n_latent, estimator.conditions_.n_columns
    latents, conditions = like.new_zeros(2, n_latent), like.new_zeros(2, n_conditions)
    channels = _answer(0, networks["generator"], "forward", latents, conditions)
    _check_shape(0, "channels", channels, (2, n_channels, *shape))
    if len(estimator.architecture) == 1:
        return
    n_seen = n_channels + getattr(estimator, "_n_views", 0)
    images = like.new_zeros(2, n_seen, *shape)
    if "critic" in networks:
        _check_shape(1, "scores", _answer(1, networks["critic"], "forward", images), (2,))
        n_told = getattr(estimator, "_n_attributes", 0)
        if n_told:
            told = _answer(1, networks["critic"], "attributes", images)
            _check_shape(1, "attributes", told, (2, n_told))
    else:
        n_told = estimator._numbers_per_latent * n_latent
        codes = _answer(1, networks["encoder_network"], "forward", images)
        _check_shape(1, "numbers", codes, (2, n_told))


@torch.no_grad()
def _answer(k, network, method, *inputs):
    """Return what a network makes of two rows; it is left in training mode."""
    try:
        return getattr(network.eval(), method)(*inputs)
    except Exception as error:  # whatever the user's code raises
        shapes = " and ".join(str(tuple(rows.shape)) for rows in inputs)
        called = "a network" if method == "forward" else f"a network with a method {method}"
        raise ValueError(
            f"architecture[{k}] must make {called} that takes inputs of shape {shapes}, got "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        network.train()


def _check_shape(k, what, answer, shape):
    found = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
    if found != shape:
        raise ValueError(
            f"architecture[{k}] must make a network that returns {what} of shape {shape} for two "
            f"images, got {found}."
        )
