"""What images look like that are not what they are taken for, in the same words everywhere."""

import numpy as np

from .._warnings import warn_user
from ..exceptions import GreyLevelWarning, LabelWarning
from ._large import blocks_of

LEAST_LABELS = 6
LEAST_RIMS = 4
COHERENT = 0.4
"""Share of neighbours with the same label from which on voxels are no rim."""
LOOKED_AT = 2**21
"""Voxels after which the rest of the images is believed to be like them."""

TOO_MANY = (
    "ids of grains, or grey levels stored as integers? skmicro.segment(X) makes phases of grey "
    "levels, X / 255.0 keeps bytes as grey levels, phases=(1, 2, ...) of an estimator says that "
    "all of them are phases"
)


def warn_of_levels(low, high, whole):
    """Warn if grey levels are no shares of a phase, from 0 to 1."""
    if low >= 0 and high <= 1:
        return
    looks = ""
    if whole:
        looks = ", all of them whole numbers, as ids of grains or bytes are"
    elif low >= 0 and 50 < high <= 100:
        looks = ", as percentages have"
    warn_user(
        f"X has grey levels from {low:g} to {high:g}{looks}. Descriptors and properties interpret "
        "grey levels as the fraction of the second of two phases, from 0 to 1: divide them by "
        "their largest possible value, or segment them by skmicro.segment(X).",
        GreyLevelWarning,
    )


def warn_of_one_phase(labels):
    """Warn if the only label of images counts as the only phase."""
    if len(labels) == 1:
        label = int(labels[0])
        warn_user(
            f"X has the label {label} only, which counts as the only phase, with the fraction 1. "
            f"phases=(0, {label}) says which labels there are.",
            LabelWarning,
        )


def warn_of_rims(images, labels):
    """Warn if labels look like rims of a few phases: of JPEG, resizing or anti-aliasing."""
    if len(labels) < LEAST_LABELS:
        return
    same, there = _neighbours(images, labels)
    rims = (there > 0) & (same < COHERENT * there)
    n_rims, share = np.count_nonzero(rims), there[~rims].sum() / max(1, there.sum())
    if n_rims >= LEAST_RIMS and 2 * n_rims >= len(labels) and share >= 0.5:
        warn_user(
            f"X has {len(labels)} labels, {n_rims} of them thin rims around the others, as in "
            "masks that were stored as JPEG, resized or drawn with smooth edges; each counts "
            "as a phase. skmicro.segment(X) returns two phases, "
            "skmicro.segment(X, levels=(0, 128, 255)) those of three grey levels.",
            LabelWarning,
        )


def _neighbours(images, labels):
    """Return for each label how many next voxels have it too, and how many there are."""
    same, there = np.zeros((2, len(labels)))
    seen = 0
    for block in blocks_of(images):
        index = np.searchsorted(labels, block)
        for axis in range(max(0, index.ndim - 2), index.ndim):
            moved = np.moveaxis(index, axis, 0)
            near, far = moved[:-1], moved[1:]
            there += np.bincount(near.ravel(), minlength=len(labels))
            same += np.bincount(near[near == far], minlength=len(labels))
        seen += block.size
        if seen >= LOOKED_AT:
            break
    return same, there
