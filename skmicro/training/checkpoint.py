"""Checkpoints: the whole state of a training in one file, written atomically."""

import re
from pathlib import Path

from .._version import __version__
from ..persistence import read_tree, write_tree
from .distributed import from_first, is_first

DIGEST = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")
"""Of data; its first digits are enough to tell others."""
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

    Raises ValueError if the file belongs to other settings or other data than the fingerprint.
    """
    tree = from_first(lambda: read_tree(path) if Path(path).exists() else None)
    if tree is None:
        return
    if "step" not in tree:
        raise ValueError(f"checkpoint must name a training checkpoint, got {str(path)!r}.")
    saved = tree["fingerprint"] or {}
    changes = [
        f"{key} was {saved.get(key, 'unknown')!r}, now {value!r}"
        for key, value in (fingerprint or {}).items()
        if saved.get(key, NOT_SET) != value
    ]
    if changes:
        version = tree.get("version", f"{__version__} or earlier")
        told = DIGEST.sub(r"\1...", "; ".join(changes[:MOST_NAMED]))
        raise ValueError(
            f"checkpoint {str(path)!r} belongs to another training: {told}. It was written by "
            f"skmicro {version}; remove the file to start anew."
        )
    step.load_state_dict(tree["step"])
    batches.load_state_dict(tree["batches"])
    history.restore(tree["losses"], tree["n_iter"])
