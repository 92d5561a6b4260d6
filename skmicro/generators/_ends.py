"""What methods of a generator take in place of latents: an image, or a latent vector."""

import numpy as np

from ..images import check_latents


def latent_vector(generator, name, end):
    """Read an image or a latent vector as one row of latents.

    Parameters
    ----------
    generator : BaseGenerator
        The fitted generator.
    name : str
        What errors call it.
    end : array-like
        An image of the generator's shape (or flat), or latents with conditions.

    Returns
    -------
    latents : ndarray of shape (1, n_latent + n_conditions)
        As ``transform`` returns them.

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    row = end.to_frame().T if hasattr(end, "to_frame") else np.asarray(end)[None]
    n_columns = generator._model().n_latent + generator.conditions_.n_columns
    is_image = generator._flat and row.size == generator.n_features_in_
    if row.shape == (1, n_columns) and not is_image:
        return check_latents(generator, row, n_columns, name)
    try:
        return np.asarray(generator.transform(row))
    except (TypeError, ValueError) as error:
        wanted = f"an image or a vector of {n_columns} latents"
        raise type(error)(f"{name} must be {wanted}: {error}") from error
