"""What the page of a report shows besides its metrics, kept small."""

import importlib
import platform
import re
import textwrap
from collections.abc import Mapping

import numpy as np
import torch
from sklearn.metrics import pairwise_distances_argmin_min

from ..images import encoder_for
from ..reports import CopiedImage, Curves, Evidence, OddImage
from ..training import parameter_summary
from . import _weighted
from ._draws import evenly_chosen
from ._nearest import nearest_training_images
from ._rows import MAX_SCALARS, joint_features
from ._sets import ThreeSets

N_SHOWN = 8
N_WORST = 4
N_COPIES = 3
MAX_CURVES = 8
MAX_POINTS = 200

PICTURE_BYTES = 2**14
"""What the voxels of a picture take before compression; of larger images the middle is shown."""

MAX_TEXT = 300
PACKAGES = ("skmicro", "torch", "numpy", "sklearn", "scipy")
LAG = re.compile(r"_r(\d+(?:\.\d+)?)(?: \(\d+\))?$")


def collect_evidence(generator, sets, training, tables, *, compared, settings):
    """Keep of an evaluation what its page shows.

    Parameters
    ----------
    generator : BaseGenerator or array-like
        The evaluated generator or images.
    sets : ThreeSets
        The images.
    training : ndarray of shape (n_train, *spatial)
        Images to look for copies in.
    tables : list of Table
        The features.
    compared : tuple of ndarray of shape (n_compared,)
        Rows of the generated images that were searched for copies, and their correlations.
    settings : dict
        Parameters of ``evaluate`` by name, ``random_state`` as an integer.

    Returns
    -------
    evidence : Evidence
        Some pictures, curves and texts.
    """
    encoder = encoder_for(training)
    camera = _Camera(encoder, training.shape[1:])
    shown = [camera(images[evenly_chosen(len(images), N_SHOWN)]) for images in sets[::2]]
    worst, usual_distance = _worst(sets.samples, tables, camera)
    return Evidence(
        training.shape[1:],
        camera.phases,
        camera.levels,
        *shown,
        worst,
        usual_distance,
        _copies(sets.samples, training, encoder, compared, camera),
        tuple(_curves(*table) for table in tables if len(table.columns) > MAX_SCALARS)[:MAX_CURVES],
        _origin(generator, sets, training, settings),
    )


class _Camera:
    """Takes pictures of images: codes of labels or grey levels, of volumes the middle section."""

    def __init__(self, encoder, shape):
        self.phases = None if encoder.phases is None else tuple(encoder.phases.tolist())
        self.levels = None if self.phases else (float(encoder.low), float(encoder.high))
        n_codes = len(self.phases) if self.phases else 256
        bits = next(bits for bits in (1, 2, 4, 8) if n_codes <= 2**bits)
        side = int((8 * PICTURE_BYTES / bits) ** 0.5)
        starts = [(max(0, length - side) // 2, side) for length in shape[-2:]]
        self.middle = tuple(slice(start, start + side) for start, side in starts)

    def codes(self, images):
        """Return the whole images as codes."""
        if self.phases:
            return np.searchsorted(self.phases, images).astype(np.uint8)
        low, high = self.levels
        grey = (np.asarray(images, dtype=float) - low) / (high - low or 1.0)
        return np.rint(255 * grey.clip(0, 1)).astype(np.uint8)

    def frame(self, codes):
        """Return the part of codes (..., *spatial) that is shown."""
        if codes.ndim == 4:
            codes = codes[:, codes.shape[1] // 2]
        return np.ascontiguousarray(codes[:, *self.middle])

    def __call__(self, images):
        return self.frame(self.codes(images))


def _worst(samples, tables, camera):
    """The generated images farthest from the real ones, and how far real images may be."""
    names = [name for _, columns, _ in tables for name in columns]
    features = [table for *_, table in tables]
    whole = ThreeSets(*map(np.hstack, zip(*features, strict=True)))
    joint = joint_features(tables)
    distances, others = (
        pairwise_distances_argmin_min(rows, joint.reference)[1] for rows in joint[:2]
    )
    mean, spread = whole.reference.mean(axis=0), whole.reference.std(axis=0)
    out = np.abs(whole.samples - mean) / _weighted.spread_of(whole.reference)
    found = []
    for row in np.argsort(-distances, kind="stable")[:N_WORST]:
        k = out[row].argmax()
        numbers = (float(x) for x in (whole.samples[row, k], mean[k], spread[k]))
        picture = camera(samples[row, None])[0]
        found.append(OddImage(picture, int(row), float(distances[row]), names[k], *numbers))
    return tuple(found), float(others.max())


def _copies(samples, training, encoder, compared, camera):
    rows, correlations = (np.asarray(part) for part in compared)
    rows = rows[np.argsort(-correlations, kind="stable")[:N_COPIES]]
    found = []
    nearest_ones = nearest_training_images(samples[rows], training, encoder)
    for row, nearest in zip(rows, nearest_ones, strict=True):
        codes = torch.as_tensor(camera.codes(training[nearest.index, None]))
        moved = camera.frame(nearest.move(codes[None])[0].numpy())[0]
        moved = 1 - moved if nearest.exchanged else moved
        picture = camera(samples[row, None])[0]
        text = _in_words(nearest)
        found.append(
            CopiedImage(picture, int(row), moved, nearest.index, nearest.correlation, text)
        )
    return tuple(found)


def _in_words(nearest):
    move = nearest.move
    words = ["phases exchanged"] if nearest.exchanged else []
    words += ["turned"] if move.order != tuple(sorted(move.order)) else []
    words += ["flipped"] if any(move.flips) else []
    words += [f"rolled by {', '.join(map(str, move.shifts))}"] if any(move.shifts) else []
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or "as it is"


def _curves(label, columns, table):
    found = [LAG.search(name) for name in columns]
    has_lags = all(found)
    lags = np.array([float(lag[1]) for lag in found] if has_lags else range(len(columns)), float)
    kept = evenly_chosen(len(lags), MAX_POINTS)
    bands = (
        np.vstack([rows.mean(axis=0), np.quantile(rows, [0.025, 0.975], axis=0)])[:, kept]
        for rows in (table.samples, table.reference)
    )
    return Curves(label, lags[kept], has_lags, *bands)


def _origin(generator, sets, training, settings):
    """Texts from which the evaluation can be repeated."""
    is_estimator = hasattr(generator, "sample")
    parameters = generator.get_params() if hasattr(generator, "get_params") else {}
    images = {"X_train": training, "X_test": sets.reference, "generated": sets.samples}
    return {
        "generator": type(generator).__name__ if is_estimator else None,
        "parameters": {name: _text(value) for name, value in sorted(parameters.items())},
        "settings": texts_of(settings),
        "images": {
            name: {"shape": list(stack.shape), "sha256": parameter_summary(np.asarray(stack))}
            for name, stack in images.items()
        },
        "versions": {"python": platform.python_version()}
        | {name: importlib.import_module(name).__version__ for name in PACKAGES},
    }


def texts_of(settings):
    """Return the parameters of a call as texts."""
    return {name: _text(value) for name, value in settings.items()}


def _text(value):
    if isinstance(value, Mapping):
        value = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in value.items()}
    return textwrap.shorten(parameter_summary(value), MAX_TEXT, placeholder=" ...")
