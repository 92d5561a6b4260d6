"""Design: images whose properties, recomputed, meet the targets.

The latents of an image, and the conditions that are free, are standard normal numbers u. Near a
drawn image, an output f of the finished image changes by g . du, and the step

    du = -g (f - target) / |g|^2

is the shortest that leads to the target; of several outputs, that of Gauss and Newton. It changes
only what matters to the property, so that designs are nearly as likely under the generator as
what it draws, and differ as that does.
"""

from dataclasses import dataclass

import numpy as np

from .._random import normal_rows, numpy_generator
from .._warnings import warn_user
from ..exceptions import TargetWarning
from ..training import RowAscent, RowGaussNewton, search_latents
from ._goals import output_names
from ._movable import MovableConditions
from ._straight_through import finished, fractions_for

N_CANDIDATES = 4
SEARCH_ROUNDS = 6
SEARCH_STEPS = 16
LOOSE = 0.1
"""Error of properties during the search, as a share of the tolerance; what is left ends it."""


@dataclass(frozen=True, kw_only=True)
class Designs:
    """Images that were designed, and what is known of them.

    Attributes
    ----------
    images : ndarray of shape (n, *image_shape)
        The designs.
    values : dict of str to ndarray of shape (n,)
        All outputs of the properties, recomputed on the images.
    targets : dict of str to ndarray of shape (n,) or str
        The targets.
    errors : ndarray of shape (n,)
        Largest relative error of an output with a target; of targets of 0 as a share of the
        largest one.
    met : ndarray of shape (n,), bool
        Whether it is at most ``rtol``.
    latents : ndarray of shape (n, n_latent + n_conditions)
        Latents of the images and the conditions passed to the network. The phases of a student's
        designs are predicted again by the flow, which its ``inverse_transform`` does not do.
    properties : list of BaseDescriptor
        The properties with their parameters, fitted.
    seed : int
        As ``random_state``, it leads to the same designs where all other arguments are the same.
    """

    images: np.ndarray
    values: dict
    targets: dict
    errors: np.ndarray
    met: np.ndarray
    latents: np.ndarray
    properties: list
    seed: int


def designed(model, goals, conditions, given, level, rtol, seed):
    """Return latents and conditions whose images are what they should be.

    Each image starts at the best of four draws and takes at most 16 steps, fewer if four of them
    lead nowhere; those that still miss begin again from new draws, six times in all.

    Parameters
    ----------
    model : Model
        The trained generator.
    goals : Goals
        The targets.
    conditions : ndarray of shape (n, n_conditions)
        Conditions to begin with.
    given : ndarray of shape (n_conditions,), bool
        Which of them stay.
    level : Target or None
        Phase fraction that is met by the threshold; without values where it may move.
    rtol : float
        Relative error that is small enough.
    seed : int
        Seed of the draws.

    Returns
    -------
    latents : ndarray of shape (n, n_latent)
        Latents.
    conditions : ndarray of shape (n, n_conditions)
        Conditions.
    fractions : Target or None
        The phase fraction, with values.
    """
    movable = MovableConditions(model.conditions, conditions, given)
    loose = goals.loosened(LOOSE * rtol)
    n, width = len(conditions), model.n_latent + movable.n_numbers
    found, missed = np.zeros((n, width), np.float32), np.full(n, np.inf)
    extreme = bool(goals.signs.any())
    for attempt in range(1 if extreme else SEARCH_ROUNDS):
        rows = np.flatnonzero(missed > rtol)
        if len(rows) == 0:
            break
        draws = [
            normal_rows(n, width, numpy_generator(seed, 2, attempt, k))[rows]
            for k in range(N_CANDIDATES)
        ]
        points, errors = search_latents(
            _measure(model, loose, movable, rows, level, rtol),
            model.tensor(np.stack(draws)),
            descent=RowAscent if extreme else RowGaussNewton,
            n_steps=SEARCH_STEPS,
            tolerance=-np.inf if extreme else (1.0 - LOOSE) * rtol,
        )
        points, errors = points.cpu().numpy(), errors.cpu().numpy()
        better = errors < missed[rows]
        found[rows[better]] = points[better]
        missed[rows[better]] = errors[better]
    index = np.arange(n)
    moved = movable.moved(model.tensor(found[:, model.n_latent :]), index)
    if level is not None:
        values = fractions_for(level, moved, model.conditions, index)
        level = level._replace(values=values.cpu().numpy())
    return found[:, : model.n_latent], moved.cpu().numpy(), level


def _measure(model, goals, movable, rows, level, rtol):
    def measure(points, places):
        index = rows[places.cpu().numpy()]
        conditions = movable.moved(points[:, model.n_latent :], index)
        channels = model.generate(points[:, : model.n_latent], conditions)
        fractions = level and fractions_for(level, conditions, model.conditions, index)
        outputs = goals.described(finished(channels, model.encoder, level, fractions))
        badness = goals.badness(outputs.detach().cpu().numpy(), index, rtol)
        return goals.residuals(outputs, index).to(points), points.new_tensor(badness)

    return measure


def judged(images, latents, goals, rtol, seed):
    """Return images as :class:`Designs`, their outputs recomputed, and warn of missed targets."""
    outputs = goals.measured(images)
    errors = np.abs(goals.errors(outputs, np.arange(len(images)))).max(axis=1)
    names = output_names(goals.properties)
    ends = {1.0: "max", -1.0: "min"}
    targets = {
        name: ends.get(sign, values.copy())
        for name, sign, values in zip(goals.names, goals.signs, goals.values.T, strict=True)
    }
    designs = Designs(
        images=images,
        values=dict(zip(names, outputs.T, strict=True)),
        targets=targets,
        errors=errors,
        met=errors <= rtol,
        latents=latents,
        properties=list(goals.properties),
        seed=seed,
    )
    warn_unmet(designs, goals, rtol)
    return designs


def warn_unmet(designs, goals, rtol):
    """Warn about designs that miss a target, with the closest values found."""
    if designs.met.all():
        return
    missed = ~designs.met
    told = []
    for k in np.flatnonzero(goals.signs == 0):
        name, wanted = goals.names[k], goals.values[missed, k]
        found = designs.values[name][missed]
        worst = np.abs(found - wanted).argmax()
        told.append(f"{name} {found[worst]:.5g} for {wanted[worst]:.5g}")
    warn_user(
        f"{missed.sum()} of {len(missed)} designs miss a target by more than rtol={rtol:g}, "
        f"{designs.errors.max():.2%} at worst; the closest values found: "
        f"{', '.join(told)}. The generator may not be able to generate such images.",
        TargetWarning,
    )
