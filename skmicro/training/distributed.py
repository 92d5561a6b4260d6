"""One training on several processes, launched by ``torchrun``.

Every process runs the same script, with the same images, seeds and random numbers, and holds all
networks. What is shared out is the work of the networks: of a call with n rows each of W processes
computes n / W, and all get all answers. Losses are then those of the whole batch on every
process, whatever they are made of (means, penalties of gradients, moments over the batch), and so
are their derivatives of any order:

- P cuts out the rows of a process, G puts those of all processes together. Behind P, gradients are
  W times the share of a process, so that the adjoint of G is W P, and that of P is G / W.
- Gradients of weights are averaged over the processes after each backward pass. For a network that
  was called with a share of the rows the mean of W times the shares is their sum; for what all have
  computed alike it is that itself.
- Batch normalisation takes means over all processes, whose adjoint is the mean as well.

So a call that cannot be shared out, of rows that W does not divide or by another method of the
network, is computed by every process and nothing else changes.
"""

import atexit
import multiprocessing
import os
from contextlib import contextmanager
from threading import current_thread, main_thread

import torch
from torch import distributed
from torch.nn.modules.batchnorm import _BatchNorm

from .._forks import about_to_compute
from .._random import draw_seed
from .._typing import Seed

BEGIN = "begin"
DATA = {"data": "X", "conditions": "conditions of X"}
"""What errors call digests of fingerprints."""
SHARED_CALLS = ("forward", "evidence", "attributes")
"""Methods of networks whose first argument has a row for each image."""


def n_processes() -> int:
    """Return how many processes train together: 1 unless ``torchrun`` has launched several.

    The first call among several of them connects the processes. Processes and threads that one of
    these has started itself, for a part of a cross-validation, train alone.

    Returns
    -------
    n : int
        Number of processes.
    """
    alone = multiprocessing.parent_process() or current_thread() is not main_thread()
    if alone or not distributed.is_available():
        return 1
    if not distributed.is_initialized():
        if int(os.environ.get("WORLD_SIZE", 1)) == 1 or "MASTER_ADDR" not in os.environ:
            return 1
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        )
        atexit.register(distributed.destroy_process_group)
    return distributed.get_world_size()


def is_first() -> bool:
    """Tell whether this process is the one that writes files and shows the progress.

    Returns
    -------
    first : bool
        Always true of a process that trains alone.
    """
    return n_processes() == 1 or distributed.get_rank() == 0


def from_first(make):
    """Return what ``make()`` returns on the first process, on all of them."""
    if n_processes() == 1:
        return make()
    return _told("agreement", make() if is_first() else None)[0]


def agreed_seed(random_state: Seed) -> int:
    """Return the seed that the first process draws from its ``random_state``.

    Parameters
    ----------
    random_state : None, int, RandomState or Generator
        Advanced by one draw on every process, if it has a state.

    Returns
    -------
    seed : int
        The same on all processes.
    """
    seed = draw_seed(random_state)
    return from_first(lambda: seed)


def check_agreement(settings):
    """Raise ValueError unless all processes have the same values of settings, by name."""
    if n_processes() == 1:
        return
    values = _told("settings", settings)
    for name, value in settings.items():
        if any(other.get(name) != value for other in values):
            got = [_shortened(other.get(name)) for other in values]
            raise ValueError(
                f"{DATA.get(name, name)} must be the same on all processes, got {got}."
            )


def _shortened(value):
    """Return a digest by its first digits, and other values as they are."""
    return f"{value[:8]}..." if isinstance(value, str) and len(value) == 64 else value


def begin_together(estimator):
    """Wait until all processes begin to fit such an estimator.

    One that fails before its training goes on to its next fit, and waits there; the others are
    notified where they wait for it, and follow.

    Parameters
    ----------
    estimator : estimator instance
        Of the same class on all of them.

    Raises
    ------
    RuntimeError
        If another process fits an estimator of another class.
    """
    about_to_compute()
    if n_processes() == 1:
        return
    told = [(None, None)]
    while any(kind != BEGIN for kind, _ in told):
        told = _all_told(BEGIN, type(estimator).__name__)
    names = {name for _, name in told}
    if len(names) > 1:
        raise RuntimeError(
            f"All processes have to fit the same estimators in the same order, got {sorted(names)}."
        )


def ended_elsewhere(error):
    """Tell whether an error says that the connection to another process is lost."""
    return n_processes() > 1 and "connection" in str(error).lower()


def _told(kind, value):
    """Return the values of all processes, which must be at the same place."""
    told = _all_told(kind, value)
    if any(other != kind for other, _ in told):
        raise RuntimeError("Another process has failed in this fit; its error says why.")
    return [value for _, value in told]


def _all_told(kind, value):
    told = [None] * n_processes()
    distributed.all_gather_object(told, (kind, value))
    return told


def average_gradients(parameters):
    """Replace the gradient of every parameter by its mean over the processes."""
    if n_processes() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= n_processes()
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


@contextmanager
def shared_out(networks):
    """Share out calls of networks among the processes, as long as the context lasts."""
    if n_processes() == 1:
        yield
        return
    replaced = []
    try:
        for network in networks:
            sharing = _Sharing()
            for name in SHARED_CALLS:
                if hasattr(network, name):
                    replaced.append((network, name))
                    vars(network)[name] = sharing.of(getattr(network, name))
            for layer in network.modules():
                if isinstance(layer, _BatchNorm):
                    replaced.append((layer, "forward"))
                    vars(layer)["forward"] = sharing.normalisation(layer)
        yield
    finally:
        for module, name in replaced:
            del vars(module)[name]


class _Sharing:
    """Calls of one network; those that it makes itself meanwhile are left alone."""

    def __init__(self):
        self.calling = False
        self.shared = False

    def of(self, call):
        """Return a function like ``call`` that computes the rows of this process."""

        def shared_call(*inputs):
            if self.calling:
                return call(*inputs)
            n_rows = len(inputs[0])
            self.calling, self.shared = True, n_rows % n_processes() == 0
            try:
                if not self.shared:
                    return call(*inputs)
                return _Together.apply(call(*[_part(x, n_rows) for x in inputs]))
            finally:
                self.calling = False

        return shared_call

    def normalisation(self, layer):
        """Return the batch normalisation of a layer over the rows of all processes."""
        alone = layer.forward

        def normalised(x):
            if not (layer.training and self.shared):
                return alone(x)
            dims, shape = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
            # As torch does: statistics of half precision are those of the buffers' precision.
            wide = x.to(torch.promote_types(x.dtype, layer.running_mean.dtype))
            mean = _Mean.apply(wide.mean(dim=dims))
            centred = wide - mean.view(shape)
            variance = _Mean.apply(centred.square().mean(dim=dims))
            n = x.numel() // x.shape[1] * n_processes()
            _follow(layer, mean.detach(), variance.detach() * (n / max(1, n - 1)))
            y = centred * (variance + layer.eps).rsqrt().view(shape)
            y = y * layer.weight.view(shape) + layer.bias.view(shape) if layer.affine else y
            return y.to(x.dtype)

        return normalised


def _follow(layer, mean, variance):
    """Let the running statistics of a batch normalisation take up those of a batch."""
    layer.num_batches_tracked += 1
    share = layer.momentum
    share = 1.0 / float(layer.num_batches_tracked) if share is None else share
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance, share)


def _part(x, n_rows):
    return _Part.apply(x) if isinstance(x, torch.Tensor) and len(x) == n_rows else x


class _Part(torch.autograd.Function):
    """P: the rows of this process, of a tensor that all processes have."""

    @staticmethod
    def forward(ctx, x):
        return x.chunk(distributed.get_world_size())[distributed.get_rank()].clone()

    @staticmethod
    def backward(ctx, gradient):
        return _Together.apply(gradient) / distributed.get_world_size()


class _Together(torch.autograd.Function):
    """G: the rows of all processes, in their order."""

    @staticmethod
    def forward(ctx, x):
        parts = [x.new_empty(x.shape) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient):
        return _Part.apply(gradient) * distributed.get_world_size()


class _Mean(torch.autograd.Function):
    """The mean over all processes."""

    @staticmethod
    def forward(ctx, x):
        mean = x.clone()
        distributed.all_reduce(mean)
        return mean / distributed.get_world_size()

    @staticmethod
    def backward(ctx, gradient):
        return _Mean.apply(gradient)
