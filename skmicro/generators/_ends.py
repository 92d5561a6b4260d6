"""What methods of a generator take in place of latents: an image, or a latent vector."""

import numpy as np

from ..images import check_latents


def latent_vector(generator, name, end):
    """Read an image or a latent vector as one row of latents, as ``transform`` returns them.

    ``end`` is an image of the generator's shape (or flat), or latents with conditions; anything
    else raises TypeError or ValueError, which call it ``name``.
    """
    whole = end if np.ma.isMaskedArray(end) else np.asarray(end)
    row = end.to_frame().T if hasattr(end, "to_frame") else whole[None]
    n_columns = generator._model().n_latent + generator.conditions_.n_columns
    is_image = generator._flat and row.size == generator.n_features_in_
    if row.shape == (1, n_columns) and not is_image:
        return check_latents(generator, row, n_columns, name)
    try:
        return np.asarray(generator.transform(row))
    except (TypeError, ValueError) as error:
        wanted = f"an image or a vector of {n_columns} latents"
        raise type(error)(f"{name} must be {wanted}: {error}") from error
