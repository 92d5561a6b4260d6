"""Arguments that datasets and patches have in common, and draws that cannot succeed."""

import time

import numpy as np
import pytest
from cases import case

from skmicro import extract_patches
from skmicro.datasets import (
    make_cahn_hilliard,
    make_circles,
    make_fibers,
    make_polycrystals,
    make_spheres,
)


def test_bad_n_jobs_are_named():
    for make in (make_cahn_hilliard, make_fibers, make_polycrystals, make_spheres):
        for n_jobs, error in ((0, ValueError), (1.5, TypeError), ("two", TypeError)):
            with case((make.__name__, n_jobs)), pytest.raises(error, match="n_jobs must be"):
                make(2, (16, 16, 16), n_jobs=n_jobs)


@pytest.mark.parametrize("n_circles", [12, 50])
def test_circles_that_do_not_fit_are_refused_soon(n_circles):
    start = time.process_time()
    with pytest.raises(ValueError, match=f"of {n_circles} shapes .* two always overlapped"):
        make_circles(n_circles=n_circles)
    assert time.process_time() - start < 1.0


def test_patches_are_refused_as_descriptors_refuse_images():
    scan = np.ones((8, 8))
    scan[3, 3] = np.inf
    for bad, error, match in (
        (scan, ValueError, "scan must hold finite numbers"),
        (np.full((8, 8), "a"), TypeError, "scan must hold numbers"),
        (np.full((8, 8), 1j), TypeError, "scan must hold numbers"),
        (np.full((8, 8), None), TypeError, "scan must hold numbers"),
    ):
        with case(match), pytest.raises(error, match=match):
            extract_patches(bad, (4, 4), method="grid")
