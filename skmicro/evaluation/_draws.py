"""What is chosen of images: streams of a report's seed, and evenly spaced rows."""

import numpy as np

SAMPLES, PART, BOOTSTRAP, DIVISIONS, EXTREMES, BLOCKS, TARGETS, TIES = range(1, 9)
"""Streams of the seed; :meth:`BaseGenerator.sample` draws its latents from stream 0."""


def evenly_chosen(n_rows, n):
    """Return the indices of at most n of the rows, from the first to the last."""
    return np.linspace(0, n_rows - 1, min(n, n_rows)).astype(int)
