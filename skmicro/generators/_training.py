"""One training of a generator: networks, batches, step, loop, and what is kept."""

import copy
import hashlib
from numbers import Integral

import numpy as np

from .._arrays import resolve_device, resolve_precision
from .._random import draw_seed, numpy_generator, torch_generator
from ..networks import build
from ..training import run

UNCHECKED = {
    "n_iter",
    "callbacks",
    "verbose",
    "checkpoint",
    "checkpoint_every",
    "random_state",
    "device",
    "target_tol",
    "match_fractions",
    "n_steps",
    "method",
    "guidance",
}


def new_networks(generator):
    """Build the networks of a generator with weights drawn from its seed."""
    device = resolve_device(generator.device)
    dtype = resolve_precision(generator.precision)
    return {
        name: build(factory, torch_generator(generator._seed, 1, k), device, dtype)
        for k, (name, factory) in enumerate(generator._networks().items())
    }


def train(generator, images, rows, networks, checkpoint, task, n_iter, **settings):
    """Train networks and set the fitted attributes of a generator.

    Parameters
    ----------
    generator : NetworkGenerator
        Receives the networks as ``<name>_``, ``history_`` and ``n_iter_``.
    images : ndarray of shape (n, *spatial)
        Training images.
    rows : ndarray of shape (n, n_conditions)
        Their conditions.
    networks : dict of str to torch.nn.Module
        Networks to start from; they are changed.
    checkpoint : path-like or None
        File of the training's state.
    task : FitTask
        Whom to tell about iterations.
    n_iter : int
        Iterations.
    **settings : any
        What the training step is to do otherwise than the generator's parameters say.
    """
    like = next(networks["generator"].parameters())
    seed, done = generator._seed, generator.n_iter_
    batches = generator._batches(
        images,
        rows,
        batch_size=generator.batch_size,
        seed=draw_seed(numpy_generator(seed, 2, done)),
        device=like.device,
        dtype=like.dtype,
    )
    step = generator._training_step(networks, torch_generator(seed, 3, done), **settings)
    history = run(
        step,
        batches,
        n_iter,
        callbacks=[
            *(generator.callbacks or ()),
            *task.loop_callbacks(lambda history: _as_if_finished(generator, images, step, history)),
        ],
        verbose=generator.verbose,
        checkpoint=checkpoint,
        checkpoint_every=generator.checkpoint_every,
        fingerprint=_fingerprint(generator, images, rows) if checkpoint is not None else None,
    )
    for name, module in step.finish(batches).items():
        setattr(generator, f"{name}_", module.requires_grad_(False))
    vars(generator).update(_progress(generator, history))
    generator._trained(images)
    generator._finish()


def _progress(generator, history):
    """Losses and iterations of earlier trainings and this one."""
    before = generator.history_
    losses = {
        name: np.concatenate([before.get(name, values[:0]), values])
        for name, values in history.as_arrays().items()
    }
    return {"history_": losses, "n_iter_": generator.n_iter_ + history.n_iter}


def _as_if_finished(generator, images, step, history):
    """The attributes of a generator whose training ended now."""
    finished = object.__new__(type(generator))
    vars(finished).update(vars(generator) | _progress(generator, history))
    for name in generator._networks():
        setattr(finished, f"{name}_", copy.deepcopy(step.modules[name]).eval())
    finished._trained(images)
    fitted = {k: v for k, v in vars(finished).items() if k.endswith("_")}
    return fitted | {"_flat": generator._flat}


def _fingerprint(generator, images, rows):
    """What a checkpoint must agree on: class, parameters and data."""
    parameters = {k: v for k, v in generator.get_params().items() if k not in UNCHECKED}
    settings = {"class": type(generator).__name__} | {
        k: parameter_summary(v) for k, v in parameters.items()
    }
    if isinstance(generator.random_state, Integral):
        settings["random_state"] = int(generator.random_state)
    return settings | {"data": _digest(images), "conditions": _digest(rows)}


def parameter_summary(value):
    """Return a text that is the same for equal values of a parameter."""
    return _digest(value) if isinstance(value, np.ndarray) else repr(value)


def _digest(images):
    return hashlib.sha256(np.ascontiguousarray(images)).hexdigest()
