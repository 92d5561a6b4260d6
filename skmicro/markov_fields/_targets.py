"""Images that meet targets: probabilities are tilted, and the best of a few trials is kept.

There are no gradients. A target that is a fraction of phases (or the mean grey level) is met by
adding a constant to the logarithm of the probability of a phase, the same for all voxels of an
image. It is found for each image with its random numbers fixed, by steps that grow while they lead
on and shrink when they have led too far (as in Rprop, Riedmiller and Braun 1993). One voxel that
changes can change all that follow, so that fractions jump: after a few steps the constant is kept
and new numbers are drawn. For all other targets new images are drawn at once. The image that comes
nearest is turned into latents, which draw it without the constant.
"""

import numpy as np

from .._random import normal_rows, numpy_generator
from ..descriptors import PhaseFractions, VolumeFraction

N_TRIALS = 32
N_TILTED_TRIALS = 12
N_STEPS = 8
BATCHES = 4  # of inference at once: a diagonal takes its time however few images there are
FIRST_STEP, GROWTH, SHRINKAGE = 0.25, 1.7, 0.45
LARGEST_TILT = 600.0


def met_latents(model, latents, targets, seed):
    """Return latents (n, n_latent) near those given whose images meet targets.

    Images that meet all of them to ``target_tol`` are kept. The others are drawn anew, at most 32
    times, or 12 times where a target is a fraction, with at most 8 steps each.
    """
    steered = next((k for k, target in enumerate(targets) if _is_fraction(target)), None)
    latents = latents.astype(np.float64)  # as decoding computes
    found, missed = latents.copy(), np.full(len(latents), np.inf)
    tilt = np.zeros((len(latents), model.encoder.n_channels))
    for trial in range(N_TRIALS if steered is None else N_TILTED_TRIALS):
        waiting = np.flatnonzero(missed > model.target_tol)
        if len(waiting) == 0:
            break
        drawn = latents
        if trial:
            drawn = normal_rows(*latents.shape, numpy_generator(seed, 2, trial)).astype(np.float64)
        # Not filled up, as the last batch of inference is: those that wait are often few.
        for rows in np.array_split(waiting, -(-len(waiting) // (BATCHES * model.batch_size))):
            wanted = [target._replace(values=target.values[rows]) for target in targets]
            best, error, tilt[rows] = _nearest(model, drawn[rows], wanted, steered, tilt[rows])
            better = error < missed[rows]
            found[rows[better]], missed[rows[better]] = best[better], error[better]
    return found


def _nearest(model, latents, targets, steered, tilt):
    """Return latents of the nearest images that a moving tilt leads to, their errors, its end.

    The tilt (n, n_channels) follows the target of number ``steered``; ``None`` means no steps.
    """
    n = len(latents)
    found, missed = latents, np.full(n, np.inf)
    tilt, step, before = tilt.copy(), np.full(tilt.shape, FIRST_STEP), np.zeros(tilt.shape)
    rows, images = np.arange(n), {}
    for _ in range(1 if steered is None else N_STEPS):
        tilted = tilt[rows] @ model.states.weights
        made = model.encoder.decode(model.channels(latents[rows], tilted if tilted.any() else None))
        misses = [t.values[rows] - t.descriptor.transform(made) for t in targets]
        error = np.max([np.sqrt(np.square(miss).mean(axis=1)) for miss in misses], axis=0)
        better = error < missed[rows]
        missed[rows[better]] = error[better]
        images |= dict(zip(rows[better], made[better], strict=True))
        again = error > model.target_tol
        if steered is None or not again.any():
            break
        rows, excess = rows[again], _by_channel(model, targets[steered], misses[steered][again])
        sign = np.sign(excess)
        turn = sign * before[rows]
        step[rows] *= np.where(turn > 0, GROWTH, np.where(turn < 0, SHRINKAGE, 1.0))
        before[rows] = sign
        tilt[rows] = (tilt[rows] + sign * step[rows]).clip(-LARGEST_TILT, LARGEST_TILT)
    if steered is not None:
        found = model.latents_of(np.stack([images[row] for row in range(n)]), None)
    return found, missed, tilt


def _is_fraction(target):
    return isinstance(target.descriptor, (VolumeFraction, PhaseFractions))


def _by_channel(model, target, misses):
    """Return the misses of a fraction target (n, k) as one column for each channel."""
    if misses.shape[1] == model.encoder.n_channels:
        return misses
    columns = np.zeros((len(misses), model.encoder.n_channels))
    columns[:, [model.encoder.channel_of(target.descriptor.phase)]] = misses
    return columns
