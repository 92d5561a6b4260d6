"""What tests of files share: a small model to save, and places of trees to alter."""

import numpy as np

from skmicro.generators import WGANGP

IMAGES = np.eye(8, dtype=int)[None].repeat(4, axis=0)
TINY = {"n_iter": 2, "n_critic": 1, "batch_size": 3, "width": 4, "n_latent": 2, "device": "cpu"}


def fitted(**settings):
    """Return a generator that was trained for a moment."""
    return WGANGP.light(**TINY | {"random_state": 0} | settings).fit(IMAGES)


def places_in(tree):
    """Return all places of a tree of dictionaries and lists: the node, and the key in it."""
    places = []
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        places.append((tree, key))
        if isinstance(value, (dict, list)):
            places += places_in(value)
    return places
