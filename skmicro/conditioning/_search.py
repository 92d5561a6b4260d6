"""Search of latents: those whose images meet a target, those nearest to an image."""

import numpy as np

from .._random import normal_rows, numpy_generator
from ..losses import DescriptorLoss
from ..training import RowAdam, RowLBFGS, search_latents

N_CANDIDATES = 8
SEARCH_ROUNDS = 3
SEARCH_STEPS = 60
INVERSION_STEPS = 32


def meet_targets(model, latents, conditions, targets, seed):
    """Search latents whose decoded images meet targets that are no conditions.

    Each sample starts at the best of eight draws (its own latents first) and takes at most 60
    gradient steps, with its conditions fixed; samples that miss are tried again from new draws,
    at most three times in all. The error is that of the *decoded* images; its gradient is taken
    straight through the decoding.
    """
    loss = DescriptorLoss([_described_in_rows(target) for target in targets])
    values = np.hstack([target.values for target in targets])
    found, missed = latents.copy(), np.full(len(latents), np.inf)
    for attempt in range(SEARCH_ROUNDS):
        rows = np.flatnonzero(missed > model.target_tol)
        if len(rows) == 0:
            break
        draws = [
            normal_rows(*latents.shape, numpy_generator(seed, 2, attempt, k))
            for k in range(N_CANDIDATES)
        ]
        draws[0] = latents if attempt == 0 else draws[0]
        points, errors = search_latents(
            _target_error(model, conditions[rows], values[rows], loss),
            model.tensor(np.stack(draws)[:, rows]),
            descent=RowAdam,
            n_steps=SEARCH_STEPS,
            tolerance=model.target_tol,
            prior=1e-3,
        )
        points, errors = points.cpu().numpy(), errors.cpu().numpy()
        better = errors < missed[rows]
        found[rows[better]] = points[better]
        missed[rows[better]] = errors[better]
    return found


def nearest_latents(model, images, conditions):
    """Find the latents whose channels are nearest to images in the mean square.

    They are the best after 32 quasi-Newton steps at most from the best of eight fixed points.
    """
    starts = normal_rows(N_CANDIDATES, model.n_latent, numpy_generator(0, 3))

    def measure(latents, rows):
        rows = rows.cpu().numpy()
        wanted = model.encoder.encode(images[rows], model.device, model.dtype)
        channels = model.generate(latents, model.tensor(conditions[rows]))
        loss = (channels - wanted).square().flatten(1).mean(dim=1)
        return loss, loss.detach()

    candidates = model.tensor(starts)[:, None].expand(-1, len(images), -1)
    points, _ = search_latents(measure, candidates, descent=RowLBFGS, n_steps=INVERSION_STEPS)
    return points.cpu().numpy()


def _described_in_rows(target):
    """Return the descriptor of a target, which says if its features have a wrong shape."""
    descriptor, n_features = target.descriptor, target.values.shape[1]
    return lambda images: descriptor._of_shape((len(images), n_features), descriptor(images))


def _target_error(model, conditions, values, loss):
    conditions, values = model.tensor(conditions), model.tensor(values)

    def measure(latents, rows):
        images = model.encoder.measured(model.generate(latents, conditions[rows]))
        per_image = loss.per_image(images, values[rows])
        return per_image, per_image.detach().sqrt()

    return measure
