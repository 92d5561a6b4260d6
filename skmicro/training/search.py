"""Optimisation over the latents of a trained network.

Used to *search* for latents whose images meet a target, and to *project* given images
onto the range of the network (their nearest latents). Every row starts at the best of
a few candidates and descends for a bounded number of steps. Rows do not see each other:
descents act row by row, the loss is a sum over rows, and each row keeps the best point it
passed. Rows that have arrived, or come to a halt, are not evaluated any more.
"""

from collections.abc import Callable

import torch

BATCH_SIZE = 16
"""Rows that are evaluated at once."""
LEAST_BATCH = 2
"""A single row is multiplied as a vector, by other code than matrices, with other last bits."""


def search_latents(
    measure: Callable,
    candidates: torch.Tensor,
    *,
    descent: type,
    n_steps: int,
    tolerance: float = 0.0,
    prior: float = 0.0,
):
    """Move latents towards the smallest error of their images.

    Parameters
    ----------
    measure : callable
        ``measure(latents, rows) -> (loss, error)``, both of shape (n,): of latents of
        rows with given indices (n,), a differentiable loss, and the error that counts.
        For :class:`RowGaussNewton` the loss is residuals of shape (n, n_residuals), the sum of
        whose squares is to fall.
    candidates : Tensor of shape (n_candidates, n, n_latent)
        Starting points to choose from, row by row.
    descent : type
        What makes steps: :class:`RowAdam`, :class:`RowLBFGS` or :class:`RowGaussNewton`.
    n_steps : int
        Largest number of steps.
    tolerance : float, default=0.0
        A row whose error is not above this stays where it is.
    prior : float, default=0.0
        Weight of the pull of each row towards the norm it started with, which keeps
        latents where the network was trained. Not for residuals.

    Returns
    -------
    latents : Tensor of shape (n, n_latent)
        Best point of each row.
    error : Tensor of shape (n,)
        Its error.

    Notes
    -----
    Some layers have other last bits in batches of another size. Batches therefore start full,
    filled up with copies of a row. They shrink to what their rows need if a first evaluation of
    the small batch has the bits of the large one, and stay as they are otherwise.
    """
    start = _best_candidates(measure, candidates)
    found = []
    for first in range(0, len(start), BATCH_SIZE):
        batch = _SearchedBatch(measure, start[first : first + BATCH_SIZE], first, descent, prior)
        found.append(batch.search(n_steps, tolerance))
    points, errors = zip(*found, strict=True)
    return torch.cat(points), torch.cat(errors)


@torch.no_grad()
def _best_candidates(measure, candidates):
    n_candidates, n, _ = candidates.shape
    flat, errors = candidates.flatten(0, 1), []
    places = torch.arange(len(flat), device=flat.device)
    for places_of_batch in places.split(BATCH_SIZE):
        index = _filled(places_of_batch, BATCH_SIZE)
        errors.append(measure(flat[index], index % n)[1])
    errors = torch.cat(errors)[: len(flat)].view(n_candidates, n)
    return candidates[errors.argmin(dim=0), places[:n]]


def _filled(rows, size):
    return torch.cat([rows, rows[-1:].expand(size - len(rows))])


def _gradients(value, point):
    """Return the gradients of losses (n,), or of each of several residuals (n, n_residuals)."""
    if value.ndim == 1:
        return torch.autograd.grad(value.sum(), point)[0]
    sums = value.sum(dim=0).unbind()
    found = [torch.autograd.grad(each, point, retain_graph=each is not sums[-1]) for each in sums]
    return torch.stack([gradient for (gradient,) in found], dim=1)


class _SearchedBatch:
    """Up to 16 rows that are searched together, the best point of each, and what is evaluated."""

    def __init__(self, measure, start, first, descent, prior):
        self.measure, self.first, self.prior = measure, first, prior
        self.best, self.radius = start.clone(), start.norm(dim=1)
        self.error = self.mark = torch.full_like(self.radius, torch.inf)
        self.waited = torch.zeros_like(self.radius)
        # Rows under search; the batch has them, and copies of the last.
        self.rows = torch.arange(len(start), device=start.device)
        self.batch = _filled(self.rows, BATCH_SIZE)
        self.point = start[self.batch]
        self.descent = descent(self.point)
        self.may_shrink = True

    def search(self, n_steps, tolerance):
        """Return the best points and their errors."""
        for step in range(n_steps + 1):
            told = self._evaluated(self.point, self.batch)
            going = self._noted(told, tolerance)
            if step == n_steps or not bool(going.any()):
                break
            value, gradient, _ = self._of_those(going, told)
            self.point = self.descent.step(self.point, value, gradient)
        return self.best, self.error

    def _evaluated(self, point, batch):
        """Return values, their gradients and errors of points."""
        point = point.detach().requires_grad_(True)
        value, error = self.measure(point, self.first + batch)
        if value.ndim == 1:
            radius = self.radius[batch]
            drift = (point.norm(dim=1) - radius).square() / radius.square().clamp_min(1e-12)
            value = value + self.prior * drift
        return value.detach(), _gradients(value, point), error.detach()

    def _noted(self, told, tolerance):
        """Keep improvements, and return which rows still have to move."""
        rows, n = self.rows, len(self.rows)
        value, error = told[0][:n], told[2][:n]
        value = value if value.ndim == 1 else value.square().sum(dim=1)
        better = error < self.error[rows]
        self.best[rows[better]] = self.point[:n][better]
        self.error = self.error.index_put((rows[better],), error[better])
        fallen = value < (1.0 - self.descent.least_fall) * self.mark[rows]
        self.mark = self.mark.index_put((rows[fallen],), value[fallen])
        self.waited[rows] = torch.where(fallen, 0.0, self.waited[rows] + 1.0)
        return (self.error[rows] > tolerance) & (self.waited[rows] < self.descent.patience)

    def _of_those(self, going, told):
        """Drop the other rows, and return the values of the rest."""
        places = going.nonzero()[:, 0]
        size = LEAST_BATCH
        while size < len(places):
            size *= 2
        if len(places) == len(self.rows) and (size >= len(self.batch) or not self.may_shrink):
            return told
        small = _filled(places, size)
        if size < len(self.batch) and self.may_shrink:
            again = self._evaluated(self.point[small], self.batch[small])
            self.may_shrink = all(
                torch.equal(new, old[small]) for new, old in zip(again, told, strict=True)
            )
        if size > len(self.batch) or not self.may_shrink:
            small = _filled(places, len(self.batch))
        self.rows, self.batch = self.rows[places], self.batch[small]
        self.point = self.point[small]
        self.descent.take(small)
        return [values[small] for values in told]
