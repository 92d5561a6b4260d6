r"""Phase separation by the Cahn-Hilliard equation, in two and three dimensions.

A mixture with composition :math:`u` (-1 and +1 in the pure phases) lowers its energy

.. math:: F[u] = \int \tfrac14 (1 - u^2)^2 + \tfrac{\gamma}{2} |\nabla u|^2 \, dx

at constant mean composition, by the equation of :func:`make_cahn_hilliard`. A mode :math:`k`
of small amplitude on a mean :math:`m` grows at the rate
:math:`-k^2 (3 m^2 - 1 + \gamma k^2)`: the mixture separates by itself where
:math:`|m| < 1/\sqrt 3`. A flat interface costs :math:`\tfrac{2\sqrt2}{3}\sqrt\gamma`
per unit of area.

Adding and subtracting :math:`a \nabla^2 u`, one part taken at the new time and the other
at the old one, makes the step linear, diagonal in Fourier space and stable for any time
step (:math:`a = 2`):

.. math::

    \hat u \leftarrow \frac{\hat u - \Delta t\, k^2\, \widehat{[u^3 - (1 + a) u]}}
                           {1 + \Delta t\, (a k^2 + \gamma k^4)}.

The bracket is evaluated in real space. Taking its linear term from the half-spectrum would
be equal on paper, but there the part of the spectrum that no real field has (which the
inverse transform ignores) is amplified by every step until it overflows.
"""

import math

import numpy as np
import torch
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from .._checks import check_image_shape, check_integer, check_n_jobs, check_range, check_real
from .._random import draw_seed, numpy_generator
from .._typing import Seed
from ._drawing import even_sequence, measured_fractions

STABILISATION = 2.0
SPINODAL = (0.5 - 0.5 / math.sqrt(3), 0.5 + 0.5 / math.sqrt(3))
SEPARATION = 10.0  # linear growth of the noise by which the phases are seen to be pure
VOXELS_PER_BATCH = 2**16
MAX_BATCH = 16
SERIAL_VOXELS = 2**21


def make_cahn_hilliard(
    n_samples: int = 100,
    shape=(64, 64),
    *,
    volume_fraction: float | tuple = (0.3, 0.7),
    n_steps: int = 500,
    gamma: float = 0.5,
    dt: float = 1.0,
    noise: float = 0.05,
    random_state: Seed = None,
    n_jobs: int | None = None,
):
    r"""Simulate two-phase images by spinodal decomposition.

    Each image starts as a uniform mixture with white noise, follows the Cahn-Hilliard
    equation [1]_

    .. math:: \partial_t u = \nabla^2 (u^3 - u - \gamma \nabla^2 u)

    on a periodic grid of unit spacing for ``n_steps`` semi-implicit steps [2]_, and is cut
    at :math:`u = 0`. Opposite faces of an image match.

    Parameters
    ----------
    n_samples : int, default=100
        Number of images.
    shape : tuple of 2 or 3 int, default=(64, 64)
        Voxels along each axis.
    volume_fraction : float or tuple (low, high) of float, default=(0.3, 0.7)
        Share :math:`p` of phase 1 in the mixture, which fixes its mean composition
        :math:`m = 2p - 1`. Of a range, the images take values that cover it uniformly and
        evenly. See the notes for the fraction that is measured afterwards.
    n_steps : int, default=500
        Number of steps. Domains coarsen with time: at ``volume_fraction=0.5`` their mean
        wavelength is 13 voxels after 200 steps, 17 after 500 and 20 after 1000.
    gamma : float, default=0.5
        Gradient energy coefficient, in squared voxels. Interfaces are about
        :math:`2\sqrt{2\gamma}` voxels wide; below 0.1 the grid no longer resolves them.
    dt : float, default=1.0
        Time step. Any value is stable; steps above 1 slow the early growth down and
        coarsen faster afterwards.
    noise : float, default=0.05
        Standard deviation of the initial white noise, at most 0.5.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None, default=None
        Source of the initial states. An int gives the same images every time, and image
        ``i`` does not depend on ``n_samples``.
    n_jobs : int, default=None
        Number of batches of images computed at the same time by joblib, in threads unless
        ``joblib.parallel_config`` says otherwise. None means 1. Only volumes above 128^3
        voxels use several threads each. The images do not depend on it.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        Phase labels 0 and 1.
    p1 : ndarray of shape (n_samples,), float64
        Measured fraction of phase 1 of each image.

    Raises
    ------
    ValueError
        If a parameter lies outside its range, or if the mixture would not separate: the
        fraction must lie in the spinodal (0.2113, 0.7887), and the fastest mode that the
        grid holds must have grown out of the noise within ``n_steps`` (33 steps at a
        fraction of 0.5, 80 at 0.3 and 409 at 0.24, with the other settings at their defaults).
    TypeError
        If a parameter is not of the type stated.

    Notes
    -----
    The mean of :math:`u` is conserved, the share of voxels above zero is not quite: the
    majority phase is supersaturated and the minority shrinks. On 64 x 64 voxels with the
    default settings :math:`p_1 = 0.5 + 1.13 (p - 0.5)` for :math:`p` between 0.24 and 0.76,
    with a standard deviation of 0.004 and at most 0.015 away; the slope is 1.18 after 200
    steps and 1.10 after 1000. The default range gives :math:`p_1` from 0.27 to 0.73, and
    ``(0.277, 0.723)`` covers 0.25 to 0.75.

    References
    ----------
    .. [1] Cahn, J. W. and Hilliard, J. E. (1958). Free energy of a nonuniform system. I.
       Interfacial free energy. The Journal of Chemical Physics 28, 258-267.
    .. [2] Eyre, D. J. (1998). Unconditionally gradient stable time marching the
       Cahn-Hilliard equation. MRS Proceedings 529, 39-46.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> images, p1 = make_cahn_hilliard(4, (32, 32), volume_fraction=0.5, random_state=0)
    >>> images.shape, images.dtype
    ((4, 32, 32), dtype('uint8'))
    >>> bool(abs(p1 - 0.5).max() < 0.05)
    True
    """
    check_integer("n_samples", n_samples, 1)
    shape = check_image_shape("shape", shape)
    low, high = check_range("volume_fraction", volume_fraction, _check_fraction)
    check_integer("n_steps", n_steps, 1)
    check_real("gamma", gamma, 0, open_low=True)
    check_real("dt", dt, 0, open_low=True)
    check_real("noise", noise, 0, 0.5, open_low=True)
    _check_separates((low, high), shape, n_steps, gamma, dt, noise)

    check_n_jobs("n_jobs", n_jobs)
    seed = draw_seed(random_state)
    fractions = even_sequence(n_samples, low, high, seed)
    size = min(MAX_BATCH, max(1, VOXELS_PER_BATCH // math.prod(shape)))
    batches = (range(n_samples)[start : start + size] for start in range(0, n_samples, size))
    images = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_simulate)(
            [_mixture(fractions[i], shape, noise, seed, i) for i in batch], n_steps, gamma, dt
        )
        for batch in batches
    )
    images = np.concatenate(images)
    return images, measured_fractions(images)


def _simulate(mixtures, n_steps, gamma, dt):
    field = torch.from_numpy(np.stack(mixtures))
    # Threads that meet after each of many small operations cost more than they save, by a
    # factor of ten and more where other programs run on the same cores.
    n_threads = 1 if field.numel() <= SERIAL_VOXELS else None
    with threadpool_limits(n_threads, user_api="openmp"):
        return (evolve(field, n_steps, gamma, dt) > 0).numpy().astype(np.uint8)


def evolve(field, n_steps, gamma, dt):
    """Take fields of shape (n, *S) through ``n_steps`` steps; the precision is theirs."""
    dims = tuple(range(1, field.ndim))
    decay, drive = step_factors(field.shape[1:], gamma, dt, field.dtype)
    spectrum = torch.fft.rfftn(field, dim=dims)
    for _ in range(n_steps):
        bracket = field.square().sub_(1 + STABILISATION).mul_(field)
        spectrum.mul_(decay).add_(torch.fft.rfftn(bracket, dim=dims).mul_(drive))
        field = torch.fft.irfftn(spectrum, s=field.shape[1:], dim=dims)
    return field


def step_factors(shape, gamma, dt, dtype=torch.float64):
    """Return what a step multiplies the spectra of the field and of the bracket with."""
    k2 = squared_frequencies(shape)
    decay = 1 / (1 + dt * (STABILISATION * k2 + gamma * k2.square()))
    return decay.to(dtype), (-dt * k2 * decay).to(dtype)


def squared_frequencies(shape):
    """Return ``|k|^2`` of the half-spectrum of a real field on a unit grid, in float64."""
    axes = [torch.fft.fftfreq(side, dtype=torch.float64) for side in shape[:-1]]
    axes.append(torch.fft.rfftfreq(shape[-1], dtype=torch.float64))
    squares = torch.meshgrid(*((2 * math.pi * axis).square() for axis in axes), indexing="ij")
    return torch.stack(squares).sum(dim=0)


def _mixture(fraction, shape, noise, seed, index):
    fluctuation = numpy_generator(seed, 1, index).standard_normal(shape, dtype=np.float32)
    fluctuation -= fluctuation.mean(dtype=np.float64)
    return np.float32(2 * fraction - 1) + np.float32(noise) * fluctuation


def _check_fraction(name, value):
    check_real(name, value)
    if not SPINODAL[0] < value < SPINODAL[1]:
        raise ValueError(
            f"{name} must lie in ({SPINODAL[0]:.4f}, {SPINODAL[1]:.4f}), where a mixture "
            f"separates by itself, got {value}."
        )


def _check_separates(fractions, shape, n_steps, gamma, dt, noise):
    fraction = max(fractions, key=lambda p: abs(p - 0.5))
    decay, drive = step_factors(shape, gamma, dt)
    slope = 3 * (2 * fraction - 1) ** 2 - 1 - STABILISATION
    growth = (decay + drive * slope).max().log().item()
    wanted = math.log(SEPARATION / noise)
    if n_steps * growth >= wanted:
        return
    if growth > 0:
        remedy = f"n_steps must be >= {math.ceil(wanted / growth)}, got {n_steps}"
    else:
        remedy = f"shape must be larger (or gamma smaller), got {shape} with gamma={gamma}"
    raise ValueError(f"{remedy}: a mixture of volume_fraction={fraction} would not separate.")
