"""Style as a further loss of a variational autoencoder (Cang et al. 2018).

Images are decoded from latents drawn near the code of an image, and compared in style with that
image: codes near each other come to have similar styles. Compared with images that have nothing to
do with theirs, as those of latents from the prior, all decoded images are drawn to the mean style
(their Fig. 6(b)).
"""

import torch

from ..losses import gram_matrices, mode_collapse_loss, style_loss
from .projections import generated


def style_term(
    networks: dict,
    batch,
    decoded: torch.Tensor,
    rng: torch.Generator,
    *,
    style: torch.nn.Module,
    weights: tuple[float, ...],
    own: bool,
):
    """Return the losses of style of decoded images against the images of a batch.

    Parameters
    ----------
    networks : dict of str to torch.nn.Module
        Networks in training, ``"generator"`` among them.
    batch : Batch
        Real images.
    decoded : Tensor of shape (n, C, *spatial)
        An image for each of them, decoded from a latent drawn for it.
    rng : torch.Generator
        Source of latents.
    style : torch.nn.Module
        Fixed network, channels to a list of feature maps.
    weights : tuple of float
        Weights of the style and of the mode collapse.
    own : bool
        Pair each image with what was decoded for it, else with an image of a standard normal
        latent.

    Returns
    -------
    loss : Tensor of shape ()
        Weighted sum of both.
    losses : dict of str to Tensor
        ``"style"`` and ``"collapse"``.
    """
    if not own:
        decoded = generated(networks, batch, rng)
    with torch.no_grad():
        targets = gram_matrices(style(batch.images))
    maps = style(decoded)
    matrices = gram_matrices(maps)
    distance = style_loss(matrices, targets, [features[0, 0].numel() for features in maps])
    collapse = mode_collapse_loss(matrices)
    loss = weights[0] * distance + weights[1] * collapse
    return loss, {"style": distance, "collapse": collapse}
