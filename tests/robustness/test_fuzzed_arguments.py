"""Arguments drawn at random: an answer, or an error that names one and changes nothing."""

import inspect
import pickle
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from cases import case
from mutator import seeds

from skmicro import descriptors, extract_patches
from skmicro.datasets import make_circles
from skmicro.generators import GaussianRandomField
from skmicro.utils import all_estimators

IMAGES = np.random.default_rng(0).integers(0, 2, (4, 8, 8))
VALUES = (
    None, True, False, -1, 0, 1, 2, 3, 1.5, -0.5, 1e-300, 1e300, float("nan"), float("inf"), "",
    "text", "p1", (), (4, 4), (4.0, 4), (0, 0), [], [1, 2], {}, {"a": 1}, b"bytes", 1j, object(),
    len, np.int64(2), np.float32(0.5), np.ones(3), np.ones((2, 2)), np.array("a"), slice(None),
    range(2), {1, 2}, -(2**63), 2**70,
)  # fmt: skip
FEW, MANY = 60, 6000
"""Trials in the default suite, and in the slow one."""
SMALL = {"n_samples", "n_patches"}
"""Arguments by which a call takes as long as it is told."""


@pytest.fixture(scope="module")
def calls():
    """Functions of keyword arguments, with the names of these."""
    generator = GaussianRandomField(random_state=0).fit(IMAGES)
    found = [
        (generator.sample, ("n_samples", "random_state", "exact", "p1", "p2", "periodic")),
        (lambda **k: extract_patches(IMAGES[0], **{"shape": (4, 4)} | k),
         ("shape", "n_patches", "method", "random_state", "return_positions")),
        (lambda **k: make_circles(**{"n_samples": 2, "shape": (16, 16)} | k),
         ("n_samples", "shape", "radius", "center", "n_circles", "random_state")),
    ]  # fmt: skip
    for name, cls in all_estimators():
        runs = name != "PersistentHomology" or find_spec("gudhi")
        if hasattr(descriptors, name) and runs:
            parameters = tuple(inspect.signature(cls).parameters)
            found.append((lambda cls=cls, **k: cls(**k).fit_transform(IMAGES), parameters))
    return generator, found


@pytest.mark.parametrize(
    ("first", "n"), [(0, FEW), pytest.param(10**6, MANY, marks=pytest.mark.slow)]
)
def test_arguments_drawn_at_random(calls, first, n):
    generator, functions = calls
    before, refused = pickle.dumps(generator), 0
    for seed, rng in seeds(first, n):
        function, names = functions[rng.integers(len(functions))]
        name, value = names[rng.integers(len(names))], VALUES[rng.integers(len(VALUES))]
        if name in SMALL and isinstance(value, int) and value > 1000:
            continue
        with case((seed, name, value)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                function(**{name: value})
            except (TypeError, ValueError) as error:
                refused += 1
                message = str(error)
            else:
                message = name
            assert name in message
    assert pickle.dumps(generator) == before
    assert refused > 0.3 * n
