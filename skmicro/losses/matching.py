"""Flow matching: the regression whose minimum is the velocity of a flow from noise to data.

A noise x_0 ~ N(0, 1) and an image x_1 are joined by a straight line,

    x_t = (1 - t) x_0 + t x_1,        L = E |v(x_t, t, r) - (x_1 - x_0)|^2 ,

and the minimum over all functions v is the mean of x_1 - x_0 over all lines through x at time t
(Lipman et al. 2023, Liu et al. 2023). Flowing along it from t = 0 to 1, noise becomes data.
Times are logit-normal, t = sigmoid(N(0, 1)): the middle, where images take their shape,
is seen most (Esser et al. 2024).
"""

import torch


def matching_loss(velocity, images, conditions, rng):
    """Return the mean squared error of a velocity on lines from new noise to images.

    Parameters
    ----------
    velocity : callable
        ``velocity(x, t, conditions)``, of the shape of ``x``.
    images : Tensor of shape (n, C, *spatial)
        Ends of the lines, scaled to about [-1, 1].
    conditions : Tensor of shape (n, n_conditions)
        Their conditions.
    rng : torch.Generator
        Source of noise and times (on the CPU).

    Returns
    -------
    loss : Tensor of shape ()
        Mean over images and voxels.
    """
    noise = torch.randn(images.shape, generator=rng, dtype=images.dtype).to(images.device)
    t = torch.randn(len(images), generator=rng, dtype=images.dtype).sigmoid().to(images)
    share = t.view(-1, *[1] * (images.ndim - 1))
    x = (1.0 - share) * noise + share * images
    return (velocity(x, t, conditions) - (images - noise)).square().mean()
