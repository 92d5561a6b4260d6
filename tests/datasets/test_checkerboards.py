"""Checkerboards against their definition and their exact correlation function."""

import math

import numpy as np
import pytest

from skmicro.datasets import make_checkerboards
from skmicro.descriptors import TwoPointCorrelation

BOARDS = pytest.mark.parametrize(("shape", "cell"), [
    ((16, 24), 4),
    ((12, 20), (3, 5)),
    ((6, 8), 1),
    ((8, 12, 16), (2, 6, 4)),
])  # fmt: skip


@BOARDS
def test_boards_are_rolled_from_the_one_at_the_origin(shape, cell):
    images, translations = make_checkerboards(40, shape, cell=cell, random_state=0)
    assert images.shape == (40, *shape)
    assert images.dtype == np.uint8
    sides = np.broadcast_to(cell, len(shape)).reshape(-1, *[1] * len(shape))
    origin = (np.indices(shape) // sides).sum(axis=0) % 2
    for image, translation in zip(images, translations, strict=True):
        rolled = np.roll(origin, translation, axis=tuple(range(len(shape))))
        np.testing.assert_array_equal(image, rolled)


@BOARDS
def test_each_phase_fills_one_half(shape, cell):
    images, _ = make_checkerboards(20, shape, cell=cell, random_state=0)
    assert (images.reshape(20, -1).mean(axis=1) == 0.5).all()


@BOARDS
def test_the_two_point_correlation_is_known(shape, cell):
    images, _ = make_checkerboards(5, shape, cell=cell, random_state=0)
    descriptor = TwoPointCorrelation(output="map", periodic=True).fit(images)
    steps = descriptor.lags_ / np.broadcast_to(cell, len(shape)) % 2
    waves = 1 - 2 * np.minimum(steps, 2 - steps)
    expected = (1 + waves.prod(axis=1)) / 4
    np.testing.assert_allclose(descriptor.transform(images), [expected] * 5, atol=1e-6)


def test_translations_are_uniform():
    _, translations = make_checkerboards(9600, (16, 24), cell=(2, 3), random_state=0)
    counts = np.bincount(translations @ [6, 1], minlength=24)
    chi_squared = np.square(counts - 400).sum() / 400
    assert abs(chi_squared - 23) < 4 * math.sqrt(2 * 23)
    assert translations.dtype == np.int64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": 0}, r"n_samples must be >= 1, got 0\."),
        ({"shape": (64,)}, r"shape must hold 2 or 3 integers, got \(64,\)\."),
        ({"cell": 0}, r"cell must be >= 1, got 0\."),
        ({"cell": 5}, r"cell must divide each side of shape=\(64, 64\) into an even .*got 5\."),
        ({"cell": 64}, "cell must divide each side .* into an even number of cells, got 64"),
        ({"shape": (64, 24)}, r"cell must divide each side of shape=\(64, 24\)"),
        ({"cell": (8, 8, 8)}, r"cell must be an integer or hold one for each of 2 axes, got \(8,"),
        ({"random_state": -1}, "random_state must be >= 0, got -1"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_checkerboards(**{"n_samples": 2, **options})


@pytest.mark.parametrize("options", [{"n_samples": 2.0}, {"cell": 4.0}, {"cell": (8, "8")}])
def test_bad_types_are_named(options):
    with pytest.raises(TypeError, match=next(iter(options))):
        make_checkerboards(**{"n_samples": 1, **options})
