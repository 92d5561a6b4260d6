"""Search of latents: those whose images meet a target, those nearest to an image."""

import numpy as np
import torch

from .._arrays import map_batches
from .._random import normal_rows, numpy_generator
from ..losses import DescriptorLoss
from ..training import search_latents

BATCH_SIZE = 16
N_CANDIDATES = 8
SEARCH_ROUNDS = 3
SEARCH_STEPS = 60
INVERSION_STEPS = 100


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
        starts = [
            normal_rows(*latents.shape, numpy_generator(seed, 2, attempt, k))
            for k in range(N_CANDIDATES)
        ]
        starts[0] = latents if attempt == 0 else starts[0]

        def search(index, rows=rows, starts=starts):
            measure = _target_error(
                model,
                model.tensor(conditions[rows[index]]),
                model.tensor(values[rows[index]]),
                loss,
            )
            best, error = search_latents(
                measure,
                [model.tensor(start[rows[index]]) for start in starts],
                n_steps=SEARCH_STEPS,
                tolerance=model.target_tol,
                prior=1e-3,
            )
            return torch.hstack([best, error[:, None]]).cpu().numpy()

        result = map_batches(search, len(rows), BATCH_SIZE)
        better = result[:, -1] < missed[rows]
        found[rows[better]] = result[better, :-1]
        missed[rows[better]] = result[better, -1]
    return found


def nearest_latents(model, images, conditions):
    """Find the latents whose channels are nearest to images in the mean square.

    They are the best after 100 gradient steps from the best of eight fixed points.
    """
    starts = normal_rows(N_CANDIDATES, model.n_latent, numpy_generator(0, 3))

    def invert(index):
        wanted = model.encoder.encode(images[index], model.device, model.dtype)
        given = model.tensor(conditions[index])

        def measure(latents):
            channels = model.generate(latents, given)
            loss = (channels - wanted).square().flatten(1).mean(dim=1)
            return loss, loss.detach()

        candidates = [model.tensor(np.tile(row, (len(index), 1))) for row in starts]
        return search_latents(measure, candidates, n_steps=INVERSION_STEPS)[0].cpu().numpy()

    return map_batches(invert, len(images), BATCH_SIZE)


def _described_in_rows(target):
    """Return the descriptor of a target, which says if its features have a wrong shape."""
    descriptor, n_features = target.descriptor, target.values.shape[1]
    return lambda images: descriptor._of_shape((len(images), n_features), descriptor(images))


def _target_error(model, conditions, values, loss):
    def measure(latents):
        images = model.encoder.measured(model.generate(latents, conditions))
        per_image = loss.per_image(images, values)
        return per_image, per_image.detach().sqrt()

    return measure
