"""What evaluate keeps for the page: planted images are found, numbers are those of the tables."""

import pickle

import numpy as np
import pytest

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.evaluation import evaluate
from skmicro.evaluation._evidence import _Camera
from skmicro.evaluation._nearest import _onto, nearest_training_images
from skmicro.images import encoder_for

FAST = {"descriptors": [TwoPointCorrelation(), SpecificSurface()], "n_bootstrap": 5}
COPIED, COPY, ODD = 11, 3, 6


@pytest.fixture(scope="module")
def images():
    X, _ = make_cahn_hilliard(60, (24, 24), n_steps=200, random_state=0)
    training, test, samples = np.split(X, 3)
    samples[COPY] = np.roll(training[COPIED].T[::-1], (3, 7), (0, 1))
    samples[ODD] = np.indices((24, 24)).sum(axis=0) % 2
    return training, test, samples


@pytest.fixture(scope="module")
def evidence(images):
    return evaluate(images[2], *images[:2], random_state=7, **FAST).evidence


def test_pictures_are_images(images, evidence):
    rows = np.linspace(0, 19, 8).astype(int)
    np.testing.assert_array_equal(evidence.generated, images[2][rows])
    np.testing.assert_array_equal(evidence.real, images[1][rows])
    assert evidence.phases == (0, 1)
    assert evidence.image_shape == (24, 24)


def test_the_worst_image_is_the_odd_one(images, evidence):
    odd = evidence.worst[0]
    assert odd.index == ODD
    np.testing.assert_array_equal(odd.picture, images[2][ODD])
    surface = SpecificSurface().fit(images[0])
    real = surface.transform(images[1])
    assert odd.feature == "specific_surface"
    assert odd.value == pytest.approx(float(surface.transform(images[2][ODD, None])[0, 0]))
    assert (odd.mean, odd.spread) == pytest.approx((real.mean(), real.std()))
    distances = [one.distance for one in evidence.worst]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 3 * evidence.usual_distance > 0


def test_a_copy_is_shown_beside_its_training_image(images, evidence):
    copy = evidence.copies[0]
    assert (copy.index, copy.nearest_index) == (COPY, COPIED)
    assert copy.correlation == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(copy.nearest, copy.picture)
    assert copy.moved == "turned, flipped and rolled by 3, 7"
    assert all(other.correlation < 0.95 for other in evidence.copies[1:])


def test_curves_are_means_and_quantiles(images, evidence):
    (curves,) = evidence.curves
    tables = [TwoPointCorrelation().fit_transform(X).astype(float) for X in images]
    assert (curves.label, curves.has_lags) == ("p2", True)
    np.testing.assert_array_equal(curves.lags, np.arange(tables[0].shape[1]))
    for found, table in ((curves.generated, tables[2]), (curves.real, tables[1])):
        np.testing.assert_allclose(found[0], table.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(found[1:], np.quantile(table, [0.025, 0.975], axis=0), rtol=1e-5)


def test_origin_tells_what_was_done(evidence):
    origin = evidence.origin
    assert origin["settings"]["random_state"] == "7"
    assert origin["settings"]["n_bootstrap"] == "5"
    assert "SpecificSurface" in origin["settings"]["descriptors"]
    assert origin["images"]["X_train"]["shape"] == [20, 24, 24]
    assert {"skmicro", "torch", "numpy", "scipy", "python"} < set(origin["versions"])


class Drawn:
    """A generator that draws among images."""

    def __init__(self, images):
        self.images = images

    def get_params(self):
        return {"n_images": len(self.images), "a": 0.5}

    def sample(self, n_samples, random_state):
        return random_state.permutation(self.images)[:n_samples]


def test_a_seed_that_was_drawn_repeats_the_evaluation(images):
    generator, few = Drawn(images[2]), images[1][:6]
    settings = {"descriptors": [SpecificSurface()], "n_bootstrap": 2, "targets": {}}
    drawn = evaluate(generator, images[0], few, **settings)
    seed = int(drawn.evidence.origin["settings"]["random_state"])
    again = evaluate(generator, images[0], few, random_state=seed, **settings)
    assert drawn.to_dict() == again.to_dict()
    assert drawn.evidence.origin["generator"] == "Drawn"
    assert drawn.evidence.origin["parameters"] == {"a": "0.5", "n_images": "20"}


def test_evidence_is_small(images, evidence):
    assert len(pickle.dumps(evidence)) < 40_000


@pytest.mark.parametrize(
    ("images", "side"),
    [
        (np.random.default_rng(0).integers(0, 2, (2, 500, 300)), (362, 300)),
        (np.random.default_rng(0).integers(0, 4, (2, 500, 300)), (256, 256)),
        (np.random.default_rng(0).random((2, 500, 100)), (128, 100)),
        (np.random.default_rng(0).integers(2, 4, (2, 9, 6, 7)), (6, 7)),
    ],
)
def test_pictures_have_a_bounded_size(images, side):
    camera = _Camera(encoder_for(images), images.shape[1:])
    pictures = camera(images)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (2, *side)
    section = images[:, 4] if images.ndim == 4 else images
    start = [(length - shown) // 2 for length, shown in zip(section.shape[1:], side, strict=True)]
    middle = section[:, start[0] : start[0] + side[0], start[1] : start[1] + side[1]]
    if camera.phases:
        np.testing.assert_array_equal(np.array(camera.phases)[pictures], middle)
    else:
        np.testing.assert_allclose(pictures / 255, middle, atol=3e-3)


@pytest.mark.parametrize("shape", [(12, 16), (8, 8, 10)])
@pytest.mark.parametrize("kind", ["phases", "grey"])
def test_nearest_training_images_are_moved_onto_images(shape, kind):
    rng = np.random.default_rng(1)
    draw = rng.random if kind == "grey" else lambda size: rng.integers(0, 3, size)
    training = draw((30, *shape))
    axes = tuple(range(len(shape)))
    moved = np.stack([np.roll(training[k][::-1], range(1, 1 + len(axes)), axes) for k in (29, 2)])
    found = nearest_training_images(moved, training, encoder_for(training))
    assert [one.index for one in found] == [29, 2]
    assert [one.correlation for one in found] == pytest.approx([1, 1], abs=1e-5)
    assert {one.move.shifts for one in found} == {tuple(range(1, 1 + len(axes)))}
    assert {one.move.flips for one in found} == {(True, *[False] * (len(axes) - 1))}


def test_two_phases_may_be_exchanged():
    rng = np.random.default_rng(1)
    training = rng.integers(0, 2, (6, 12, 12))
    image = np.roll(1 - training[4], (2, 5), (0, 1))
    correlation, move, exchanged = _onto(image, training[4], encoder_for(training))
    assert (exchanged, move.shifts) == (True, (2, 5))
    assert correlation == pytest.approx(1, abs=1e-5)
