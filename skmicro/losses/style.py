"""Losses of style: what textures have in common, whatever lies where.

A style network turns an image into feature maps f^l of C_l channels at M_l positions. Their
Gram matrices measure texture regardless of position (Gatys et al. 2015)

    G^l_ij = sum_k f^l_ik f^l_jk.

Cang et al. 2018 add two losses of these to that of a variational autoencoder. The first compares
two images s and p (their Eq. 8, weighted as by Gatys et al.),

    L_ST = sum_l ||G^{s,l} - G^{p,l}||_F^2 / (4 C_l^2 M_l^2),

the second keeps images of a batch from becoming alike (Eq. 9): with the matrices of all layers of
an image as one vector s_i,

    L_MC = 2 / (N (N - 1)) sum_{i < j} (s_i . s_j / (|s_i| |s_j|))^2.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional


def gram_matrices(maps: Sequence) -> list:
    """Return the Gram matrices of feature maps.

    Parameters
    ----------
    maps : sequence of Tensor of shape (n, C_l, *spatial_l)
        Feature maps of n images, one tensor for each layer.

    Returns
    -------
    matrices : list of Tensor of shape (n, C_l, C_l)
        Products of channels, summed over positions.
    """
    rows = [features.flatten(2) for features in maps]
    return [row @ row.transpose(1, 2) for row in rows]


def style_loss(matrices: Sequence, targets: Sequence, n_positions: Sequence) -> torch.Tensor:
    """Return the distance of Gram matrices from those of other images, a mean over images.

    Parameters
    ----------
    matrices, targets : sequence of Tensor of shape (n, C_l, C_l)
        Gram matrices of images, and of those they are compared with, row by row.
    n_positions : sequence of int
        Positions that the matrices of each layer are sums over.

    Returns
    -------
    loss : Tensor of shape ()
        Squared distance, summed over layers with the weights 1 / (4 C_l^2 M_l^2).

    References
    ----------
    .. [1] R. Cang, H. Li, H. Yao, Y. Jiao, Y. Ren, "Improving direct physical properties
       prediction of heterogeneous materials from imaging data via convolutional neural network
       and a morphology-aware generative model", Comput. Mater. Sci. 150, 2018, Eq. 8.
    .. [2] L. A. Gatys, A. S. Ecker, M. Bethge, "Texture synthesis using convolutional neural
       networks", NeurIPS 2015, Eq. 4.
    """
    terms = [
        ((matrix - target) / (2 * matrix.shape[1] * n)).square().sum(dim=(1, 2)).mean()
        for matrix, target, n in zip(matrices, targets, n_positions, strict=True)
    ]
    return torch.stack(terms).sum()


def mode_collapse_loss(matrices: Sequence) -> torch.Tensor:
    """Return the mean squared cosine between the Gram matrices of different images.

    Parameters
    ----------
    matrices : sequence of Tensor of shape (n, C_l, C_l)
        Gram matrices of two or more images; those of all layers are one vector.

    Returns
    -------
    loss : Tensor of shape ()
        From 0 to 1, where all images have one style.

    Raises
    ------
    ValueError
        If there are fewer than two images.

    References
    ----------
    .. [1] R. Cang et al., 2018, Eq. 9; see :func:`style_loss`.
    """
    vectors = torch.cat([matrix.flatten(1) for matrix in matrices], dim=1)
    n = len(vectors)
    if n < 2:
        raise ValueError(f"matrices must be those of at least 2 images, got {n}.")
    directions = functional.normalize(vectors, dim=1)
    cosines = (directions @ directions.t()).triu(diagonal=1)
    return 2.0 * cosines.square().sum() / (n * (n - 1))
