"""Optimisation over the latents of a trained network.

Used to *search* for latents whose images meet a target, and to *project* given images
onto the range of the network (their nearest latents). Every row starts at the best of
a few candidates and descends by Adam for a bounded number of steps. Rows do not see
each other: Adam acts element by element, the loss is a sum over rows, and each row
keeps the best point it passed.
"""

import torch


def search_latents(measure, candidates, *, n_steps, learning_rate=0.05, tolerance=0.0, prior=0.0):
    """Move latents towards the smallest error of their images.

    Parameters
    ----------
    measure : callable
        ``measure(latents) -> (loss, error)``, both of shape (n,): a differentiable
        loss, and the error that counts.
    candidates : sequence of Tensor of shape (n, n_latent)
        Starting points to choose from, row by row.
    n_steps : int
        Number of Adam steps.
    learning_rate : float, default=0.05
        Step size.
    tolerance : float, default=0.0
        A row whose error is not above this stays where it is.
    prior : float, default=0.0
        Weight of the pull of each row towards the norm it started with, which keeps
        latents where the network was trained.

    Returns
    -------
    latents : Tensor of shape (n, n_latent)
        Best point of each row.
    error : Tensor of shape (n,)
        Its error.
    """
    point = _best_candidate(measure, candidates).requires_grad_(True)
    best = point.detach().clone()
    radius = best.norm(dim=1)
    best_error = torch.full_like(radius, torch.inf)
    optimizer = torch.optim.Adam([point], lr=learning_rate)
    for step in range(n_steps + 1):
        loss, error = measure(point)
        with torch.no_grad():
            better = (error < best_error) & (best_error > tolerance)
            best = torch.where(better[:, None], point, best)
            best_error = torch.where(better, error, best_error)
        if step == n_steps or bool((best_error <= tolerance).all()):
            break
        drift = (point.norm(dim=1) - radius).square() / radius.square().clamp_min(1e-12)
        (point.grad,) = torch.autograd.grad((loss + prior * drift).sum(), point)
        optimizer.step()
    return best, best_error


@torch.no_grad()
def _best_candidate(measure, candidates):
    errors = torch.stack([measure(candidate)[1] for candidate in candidates])
    rows = torch.arange(errors.shape[1], device=errors.device)
    return torch.stack(list(candidates))[errors.argmin(dim=0), rows]
