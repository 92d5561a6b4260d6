"""Patches that overlap are noticed, and judged in blocks where their positions are known."""

import warnings

import numpy as np
import pytest
from scipy import ndimage

from skmicro import extract_patches
from skmicro.datasets import make_cahn_hilliard, make_checkerboards
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.evaluation import evaluate
from skmicro.evaluation._overlaps import sharing
from skmicro.exceptions import OverlapWarning
from skmicro.images import patch_blocks

FAST = {"descriptors": [TwoPointCorrelation(), SpecificSurface()], "n_bootstrap": 20}


@pytest.fixture(scope="module")
def scan():
    """Blobs of some voxels, whose fraction wanders from region to region."""
    noise = np.random.default_rng(0).normal(size=(2, 256, 256))
    fine, coarse = (ndimage.gaussian_filter(x, s) for x, s in zip(noise, (1.0, 12.0), strict=True))
    return (fine / fine.std() + 0.5 * coarse / coarse.std() > 0).astype(np.uint8)


@pytest.fixture(scope="module")
def halves(scan):
    return [
        extract_patches(half, (16, 16), 100, random_state=0, return_positions=True)
        for half in (scan[:128], scan[128:])
    ]


def test_shared_pieces_are_found(scan):
    side = 24
    patches = np.array([scan[i : i + side, j : j + side] for i, j in ((0, 0), (12, 9), (40, 70))])
    assert sharing(patches).tolist() == [True, True, False]
    assert sharing(patches[:1], patches[1:]).tolist() == [True]
    volumes = np.random.default_rng(0).integers(0, 2, (4, 12, 12, 12))
    volumes[1, :9] = volumes[0, 3:]
    assert sharing(volumes).tolist() == [True, True, False, False]


def test_independent_images_share_nothing():
    for shape in ((16, 16), (64, 64)):
        images = make_cahn_hilliard(100, shape, n_steps=200, random_state=0)[0]
        assert not sharing(images).any()
    assert not sharing(np.zeros((10, 32, 32), int)).any()
    assert not sharing(np.random.default_rng(0).random((5, 4, 4))).any()


def test_overlapping_patches_are_said(halves):
    (train, _), (test, _) = halves
    with pytest.warns(OverlapWarning) as caught:
        evaluate(train, train, test, random_state=0, **FAST)
    (message,) = [str(w.message) for w in caught]
    n_shared = int(message.split(" of 100 images of X_test")[0])
    assert n_shared > 10
    mixed = np.concatenate([test[:30], train[:30]])
    with pytest.warns(OverlapWarning) as caught:
        evaluate(train, train, mixed, random_state=0, **FAST)
    (leak,) = [str(w.message) for w in caught if "with a training image" in str(w.message)]
    assert int(leak.split(" of 60 images of X_test")[0]) >= 10


def test_positions_make_blocks_and_silence():
    images = make_cahn_hilliard(24, (16, 16), n_steps=100, random_state=0)[0]
    train, test = (part.repeat(5, axis=0) for part in np.split(images, 2))
    positions = [[k, 0, 0] for k in np.arange(12).repeat(5)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = evaluate(train, train, test, positions=(positions,) * 2, random_state=0, **FAST)
    with pytest.warns(OverlapWarning, match=r"^5\d of 60 images of X_test overlap"):
        blind = evaluate(train, train, test, random_state=0, **FAST)
    for name in ("specific_surface mean", "p2 relative error"):
        rows = known[name], blind[name]
        assert rows[0].value == rows[1].value
        widths = [row.baseline_high - row.baseline_low for row in rows]
        assert widths[0] > 1.5 * widths[1]


def test_blocks_are_three_patches_wide_and_of_one_scan():
    positions = np.array([[0, 0, 0], [0, 14, 14], [0, 15, 0], [1, 0, 0], [1, 35, 35]])
    blocks = patch_blocks(positions, (6, 6))
    assert blocks[0] == blocks[1] != blocks[2]
    assert len({blocks[0], blocks[2], blocks[3], blocks[4]}) == 4
    assert patch_blocks(positions[:3, 1:], (6, 6)).tolist() == [0, 0, 1]


def test_bad_positions(halves):
    (train, places), (test, _) = halves
    for positions, error, message in (
        (places, TypeError, "positions must be a pair"),
        (
            (places, places[:9]),
            ValueError,
            r"positions\[1\] must have a row for each of 100 images",
        ),
        ((places[:, :1], places), ValueError, r"positions\[0\] must have shape"),
        ((places, places + 0.5), TypeError, r"positions\[1\] must be integers"),
    ):
        with pytest.raises(error, match=message):
            evaluate(train, train, test, positions=positions, **FAST)
    few = np.zeros_like(places)
    with pytest.warns(OverlapWarning, match="X_test has patches of 1 independent blocks"):
        report = evaluate(train, train, test, positions=(places, few), random_state=0, **FAST)
    (remark,) = report.remarks
    assert remark.startswith("X_test has patches of 1 independent blocks")
    assert remark in str(report)
    assert remark in report._repr_html_()
    assert '"verdict alike"' not in report._repr_html_()


def test_repeated_structures_look_like_overlaps():
    """Every checkerboard holds pieces of the others: repetition is not told from overlap."""
    assert sharing(make_checkerboards(10, (64, 64), random_state=0)[0]).all()
