"""Corrections of images that miss their conditions.

Phase fractions are corrected by the decision threshold between phases, other conditions by the
input of the network.
"""

import numpy as np

from .._arrays import joined, parts_of
from .._random import normal_rows, numpy_generator
from ._fractions import exact_fractions, fraction_target, warn_moved
from ._table import described

CORRECTIONS = 3


def images_for(model, n_samples, targets, exact, seed, conditions=None):
    """Return decoded images (n_samples, ...) of new latents that meet targets.

    ``targets`` include those that are conditions; ``exact`` meets phase fractions to half a voxel.
    The requested or drawn conditions are written into ``conditions`` (n_samples,
    n_conditions), if that is given. The first images do not depend on ``n_samples``. They are made
    part by part, except where latents are searched, whose draws are for all images at once.
    Warns where exact fractions change the phase of many voxels.
    """
    searched = any(target.name not in model.conditions.names for target in targets)
    parts = [slice(0, n_samples)] if searched else parts_of(n_samples, model.image_shape)
    streams = numpy_generator(seed, 1), numpy_generator(seed, 0)
    moved = np.zeros(n_samples)

    def images(rows):
        wanted = [target._replace(values=target.values[rows]) for target in targets]
        drawn = model.conditions.draw(rows.stop - rows.start, wanted, streams[0])
        if conditions is not None:
            conditions[rows] = drawn
        latents = normal_rows(len(drawn), model.n_latent, streams[1])
        return _images_of(model, latents, drawn, wanted, exact, seed, moved[rows])

    made = joined((images(rows) for rows in parts), n_samples)
    if exact:
        warn_moved(moved)
    return made


def _images_of(model, latents, conditions, targets, exact, seed, moved):
    table = model.conditions
    fractions = exact_fractions(targets) if exact else None
    searched = [target for target in targets if target.name not in table.names]
    if searched:
        latents = model.meeting(latents, conditions, searched, seed)
        return model.decode(latents, conditions, fractions, moved=moved)
    level = fraction_target(targets) if fractions is None else fractions
    tolerance = model.target_tol if fractions is None else 0.0
    columns = table.columns_of(targets)
    return corrected_images(model, latents, conditions, columns, level, tolerance, moved)


def corrected_images(model, latents, conditions, wanted, level=None, tolerance=0.0, moved=None):
    """Decode latents, and correct images that miss their conditions.

    Phase fractions take no second look: where an image misses those of the target ``level`` by more
    than ``tolerance``, its threshold is moved. For other conditions, the network approximates its
    input r, I(G(z, r)) = r + e. Images that miss one of the targets selected by the mask
    ``wanted`` (n_conditions,) by more than ``target_tol`` are generated again
    from r <- r + (wanted - I(G(z, r))), at most three times, with the same latents; the nearest
    image is kept. ``moved`` (n,) receives the share of its voxels that the threshold moved.
    """
    moved = np.zeros(len(latents)) if moved is None else moved
    descriptors = model.conditions.for_shape(model.image_shape)
    images = model.decode(latents, conditions, level, tolerance, moved)
    wanted = wanted & ~np.isnan(described(descriptors, images[:1])[0])
    if not wanted.any():
        return images
    fed, rows = conditions.copy(), np.arange(len(latents))
    current, shares = images, moved.copy()
    missed = np.full(len(latents), np.inf)
    for attempt in range(CORRECTIONS + 1):
        excess = np.where(wanted, conditions[rows] - described(descriptors, current), 0.0)
        error = np.sqrt(np.square(excess).sum(axis=1) / wanted.sum())
        better = error < missed[rows]
        images[rows[better]], missed[rows[better]] = current[better], error[better]
        moved[rows[better]] = shares[better]
        again = error > model.target_tol
        rows, excess = rows[again], excess[again]
        if attempt == CORRECTIONS or len(rows) == 0:
            break
        fed[rows] += excess
        part = level and level._replace(values=level.values[rows])
        shares = np.zeros(len(rows))
        current = model.decode(latents[rows], fed[rows], part, tolerance, shares)
    return images
