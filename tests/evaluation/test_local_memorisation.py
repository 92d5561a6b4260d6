"""Parts of training images are found, turned and zoomed copies stand out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import ndimage

from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import local_memorisation, memorisation


@pytest.fixture(scope="module")
def real():
    X, _ = make_cahn_hilliard(90, (64, 64), n_steps=300, random_state=0)
    return np.split(X, [60])


def middle(image, function):
    whole = function(np.tile(image, (3, 3)).astype(float))
    first = (len(whole) - 64) // 2
    return whole[first : first + 64, first : first + 64] > 0.5


def quilt(images, rng):
    q = [
        np.roll(images[rng.integers(len(images))], 4 * rng.integers(0, 16, 2), (0, 1))
        for _ in range(4)
    ]
    return np.block([[q[0][:32, :32], q[1][:32, :32]], [q[2][:32, :32], q[3][:32, :32]]])


def test_patchworks_are_copies_of_parts_and_of_no_whole(real):
    training, others = real
    rng = np.random.default_rng(0)
    quilts = np.array([quilt(training, rng) for _ in range(10)])
    assert_allclose(local_memorisation(quilts, training), 1, atol=1e-4)
    assert local_memorisation(others, training).max() < 0.9
    assert memorisation(quilts, training).max() < 0.8


def test_moved_copies_are_found(real):
    training, _ = real
    copies = np.rot90(np.roll(training[:5], (8, 20), (1, 2)), axes=(1, 2))
    assert_allclose(local_memorisation(copies, training), 1, atol=1e-4)
    assert_allclose(local_memorisation(1 - copies, training), 1, atol=1e-4)


@pytest.mark.representatives("turned")
@pytest.mark.parametrize(
    "function",
    [
        lambda x: ndimage.rotate(x, 10, reshape=False, order=1),
        lambda x: ndimage.zoom(x, 1.1, order=1),
        lambda x: ndimage.grey_dilation(x, (3, 3)),
    ],
    ids=["turned", "zoomed", "dilated"],
)
def test_changed_copies_stand_out(real, function):
    training, others = real
    changed = np.array([middle(image, function) for image in training[:30]], np.uint8)
    found, usual = (local_memorisation(images, training) for images in (changed, others))
    error = np.sqrt((found.var() + usual.var()) / 30)
    assert (found.mean() - usual.mean()) / error > 5


@pytest.mark.parametrize(
    ("shape", "n_phases"), [((16, 24), 2), ((8, 8, 8), 2), ((16, 16), 3), ((5, 7), 2)]
)
def test_all_shapes_and_phases(shape, n_phases):
    rng = np.random.default_rng(0)
    training = rng.integers(0, n_phases, (6, *shape))
    assert_allclose(local_memorisation(training[2:4], training), 1, atol=1e-4)
    grey = rng.random((6, *shape))
    assert_allclose(local_memorisation(grey[:2], grey), 1, atol=1e-4)


def test_images_do_not_see_each_other_and_flat_ones_match_nothing(real):
    training, others = real
    together = local_memorisation(others[:3], training)
    alone = [local_memorisation(image[None], training)[0] for image in others[:3]]
    assert_allclose(together, alone, atol=1e-6)
    assert_allclose(local_memorisation(np.zeros((1, 64, 64), int), training), 0, atol=1e-6)


def test_bad_input(real):
    training, others = real
    with pytest.raises(ValueError, match=r"images must hold images of shape|images .*\(64, 64\)"):
        local_memorisation(others[:, :32], training)
    with pytest.raises(ValueError, match=r"^images must hold only .* of training_images, got \[7"):
        local_memorisation(others + 7, training)
