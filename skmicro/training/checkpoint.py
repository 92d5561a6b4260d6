"""Checkpoints: the whole state of a training in one file, written atomically."""

import re
from pathlib import Path

import numpy as np

from .._version import __version__
from ..exceptions import NotASavedFileError
from ..persistence import OF_DAMAGE, read_tree, write_tree
from .distributed import from_first, is_first

DIGEST = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")
"""Of data; its first digits are enough to distinguish them."""
MOST_NAMED = 5
NOT_SET = "None"
"""What a fingerprint says of a parameter that is None; one that came later counts as None."""


def write_checkpoint(path, step, batches, history, fingerprint):
    """Write everything that resuming needs to one file, replaced when the new one is complete.

    A loss in the history that is not finite raises before anything is written. The fingerprint
    says what settings and data the checkpoint belongs to. Of several processes the first writes.
    """
    tree = {
        "losses": history.as_arrays(),
        "n_iter": history.n_iter,
        "step": step.state_dict(),
        "batches": batches.state_dict(),
        "fingerprint": fingerprint,
        "version": __version__,
    }
    if is_first():
        write_tree(path, tree)


def read_checkpoint(path, step, batches, history, fingerprint):
    """Take up a checkpoint if the file exists: step, batches and history receive their state.

    Raises ValueError if the file belongs to other settings or other data than the fingerprint,
    NotASavedFileError, which is one, if it is damaged.
    """
    found = from_first(lambda: [read_tree(path)] if Path(path).exists() else [])
    if not found:
        return
    (tree,) = found
    if not isinstance(tree, dict) or "step" not in tree:
        raise NotASavedFileError(f"checkpoint must name a training checkpoint, got {str(path)!r}.")
    try:
        _check_same_training(path, tree, fingerprint or {})
        _check_history(tree["losses"], tree["n_iter"])
        step.load_state_dict(tree["step"])
        batches.load_state_dict(tree["batches"])
        history.restore(tree["losses"], tree["n_iter"])
    except OtherTraining as error:
        raise ValueError(str(error)) from None
    except OF_DAMAGE as error:
        raise NotASavedFileError(f"checkpoint {str(path)!r} is damaged: {error!r}.") from error


class OtherTraining(Exception):
    """A checkpoint belongs to other settings or other data."""


def _check_same_training(path, tree, fingerprint):
    """Raise OtherTraining if a checkpoint does not agree with a fingerprint."""
    saved = tree["fingerprint"] or {}
    changes = [
        f"{key} was {saved.get(key, 'unknown')!r}, now {value!r}"
        for key, value in fingerprint.items()
        if saved.get(key, NOT_SET) != value
    ]
    if changes:
        version = tree.get("version", f"{__version__} or earlier")
        told = DIGEST.sub(r"\1...", "; ".join(changes[:MOST_NAMED]))
        raise OtherTraining(
            f"checkpoint {str(path)!r} belongs to another training: {told}. It was written by "
            f"skmicro {version}; remove the file to start anew."
        )


def _check_history(losses, n_iter):
    """Raise ValueError unless there is a finite loss of each kind for every iteration."""
    if type(n_iter) is not int or n_iter < 0:
        raise ValueError(f"the number of iterations is {n_iter!r}")
    for name, values in losses.items():
        if values.shape != (n_iter,) or not np.isfinite(values).all():
            raise ValueError(f"{n_iter} iterations do not have as many finite losses {name!r}")
