"""What simulators that draw shapes do with their source of randomness."""

import random

import numpy as np
import pytest
import torch

from skmicro.datasets import (
    make_checkerboards,
    make_circle_square,
    make_circles,
    make_ellipses,
    make_fibers,
    make_spheres,
)

OPTIONS = {
    make_circles: {},
    make_circle_square: {},
    make_ellipses: {"area_fraction": (0.1, 0.6)},  # of which not all fit
    make_checkerboards: {"shape": (24, 16), "cell": (3, 4)},
    make_spheres: {"radius": (1.5, 2.5)},
    make_fibers: {"length": 4, "diameter": 1.5, "volume_fraction": (0.2, 0.4)},
}
IMAGE_BY_IMAGE = (make_spheres, make_fibers)  # slower, and not drawn in blocks
ALL = pytest.mark.parametrize("make", OPTIONS)


def quick(make, n, random_state, **options):
    return make(n, random_state=random_state, **{"shape": (24, 20), **OPTIONS[make], **options})


@ALL
def test_a_seed_gives_the_same_images_and_the_first_ones_do_not_depend_on_their_number(make):
    options = {"shape": (8, 8)} | ({"cell": 2} if make is make_checkerboards else {})
    n_images, *fewer = (60, 1, 3) if make in IMAGE_BY_IMAGE else (9000, 1, 3, 700, 8192)
    many, parameters = quick(make, n_images, 5, **options)
    np.testing.assert_array_equal(many, quick(make, n_images, 5, **options)[0])
    for n in fewer:
        images, first = quick(make, n, 5, **options)
        np.testing.assert_array_equal(many[:n], images)
        np.testing.assert_array_equal(parameters[:n], first)
    assert (quick(make, 5, 5)[0] != quick(make, 5, 6)[0]).any()


@ALL
def test_images_of_a_seed_differ(make):
    n = 50 if make in IMAGE_BY_IMAGE else 500
    images, _ = quick(make, n, 5)
    n_distinct = len(np.unique(images.reshape(n, -1), axis=0))
    # Of boards with these cells 2 x 3 x 4 differ; whole numbers of voxels may come twice.
    assert n_distinct >= (24 if make is make_checkerboards else 0.98 * n)


@ALL
@pytest.mark.parametrize("source", [np.random.RandomState, np.random.default_rng])
def test_random_state_objects(make, source):
    state = source(0)
    first, second = quick(make, 4, state)[0], quick(make, 4, state)[0]
    assert (first != second).any()
    np.testing.assert_array_equal(first, quick(make, 4, source(0))[0])


def global_states():
    return np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate()  # noqa: NPY002


@ALL
def test_fresh_entropy_and_no_global_generator_touched(make):
    np.random.seed(0)  # noqa: NPY002 - the global state is what is watched
    torch.manual_seed(0)
    before = global_states()
    first, second = quick(make, 20, None)[0], quick(make, 20, None)[0]
    assert (first != second).any()
    assert before == global_states()
