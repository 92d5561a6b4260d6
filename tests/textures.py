"""Small images with structure, for tests of generators."""

import numpy as np


def smooth_noise(n, shape, rng):
    """Return periodic noise, neighbouring voxels of which are alike."""
    noise = rng.random((n, *shape))
    for axis in range(1, noise.ndim):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)
    return noise


def blobs(n=24, shape=(12, 12), n_phases=2, seed=0, low=0.25, high=0.75):
    """Return images whose last phase fills from ``low`` to ``high``."""
    noise = smooth_noise(n, shape, np.random.default_rng(seed))
    ranks = noise.reshape(n, -1).argsort(axis=1).argsort(axis=1) / np.prod(shape)
    last = np.linspace(low, high, n)[:, None]
    scaled = np.where(ranks < 1 - last, ranks / (1 - last) * (n_phases - 1), n_phases - 1)
    return scaled.astype(np.uint8).reshape(n, *shape)


def cut_blobs(n=24, shape=(16, 16), n_phases=2, seed=0):
    """Return images cut at common levels, so that fractions vary by chance."""
    rng = np.random.default_rng(seed)
    noise = smooth_noise(n, shape, rng)
    levels = np.quantile(noise, np.arange(1, n_phases) / n_phases)
    return np.searchsorted(levels, noise + rng.normal(0, 0.1, (n,) + (1,) * len(shape)))
