"""Patches are parts of the scan, and folds share no voxel."""

import numpy as np
import pytest
from cases import case
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor

from skmicro.images import extract_patches, split_patches

METHODS = ("random", "grid", "latin-hypercube")


def numbered(shape):
    return np.arange(np.prod(shape)).reshape(shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("scan_shape", "shape"), [((30, 41), (7, 9)), ((12, 14, 17), (4, 5, 6))])
def test_patches_are_the_voxels_at_their_positions(method, scan_shape, shape):
    scan = numbered(scan_shape)
    patches, positions = extract_patches(
        scan, shape, 8, method=method, random_state=0, return_positions=True
    )
    assert patches.shape == (8, *shape)
    assert patches.dtype == scan.dtype
    for patch, position in zip(patches, positions, strict=True):
        region = tuple(slice(p, p + s) for p, s in zip(position, shape, strict=True))
        np.testing.assert_array_equal(patch, scan[region])


def test_patches_are_copies():
    scan = numbered((10, 10))
    extract_patches(scan, (5, 5), method="grid")[:] = -1
    np.testing.assert_array_equal(scan, numbered((10, 10)))


def test_grid_tiles_cover_the_scan_once():
    patches = extract_patches(numbered((12, 15)), (4, 5), method="grid")
    np.testing.assert_array_equal(np.sort(patches, axis=None), np.arange(12 * 15))
    some = extract_patches(numbered((12, 15)), (4, 5), 4, method="grid", random_state=0)
    assert len(np.unique(some)) == 4 * 20


@pytest.mark.parametrize("method", METHODS)
def test_default_number_is_that_of_the_tiles(method):
    assert len(extract_patches(np.zeros((21, 30)), (5, 7), method=method)) == 4 * 4


def test_random_positions_reach_every_corner_uniformly():
    _, positions = extract_patches(
        np.zeros((10, 11)), (8, 8), 6000, random_state=0, return_positions=True
    )
    places, counts = np.unique(positions, axis=0, return_counts=True)
    assert len(places) == 3 * 4
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)


def test_latin_hypercube_fills_every_interval_of_every_axis_once():
    """Also where the intervals end between voxels, or are shorter than one."""
    for scan_shape, shape, n in [
        ((19, 28), (10, 9), 10),
        ((23, 31, 40), (8, 8, 8), 8),
        ((30, 41), (7, 9), 13),
        ((12, 11), (9, 9), 7),
    ]:
        with case(scan_shape, shape, n):
            options = {"method": "latin-hypercube", "random_state": 0, "return_positions": True}
            _, positions = extract_patches(np.zeros(scan_shape), shape, n, **options)
            widths = (np.subtract(scan_shape, shape) + 1) / n
            ordered, k = np.sort(positions, axis=0), np.arange(n)[:, None]
            assert (ordered >= np.floor(k * widths)).all()
            assert (ordered < (k + 1) * widths).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_the_same_patches_and_no_global_generator_is_touched(method):
    scan = np.random.default_rng(0).random((40, 40))
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first = extract_patches(scan, (8, 8), 5, method=method, random_state=1)
    np.testing.assert_array_equal(
        first, extract_patches(scan, (8, 8), 5, method=method, random_state=1)
    )
    assert (first != extract_patches(scan, (8, 8), 5, method=method, random_state=2)).any()
    assert before == np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros(9), (3,)), ValueError, r"scan must have 2 or 3 axes, got shape \(9,\)"),
        ((np.zeros((9, 9)), (3, 3, 3)), ValueError, "shape must hold 2 integers"),
        ((np.zeros((9, 9)), (3, 0)), ValueError, r"shape\[1\] must be >= 1, got 0"),
        ((np.zeros((9, 9)), (3, 2.5)), TypeError, r"shape\[1\] must be an integer, got 2.5"),
        ((np.zeros((9, 9)), (3, 10)), ValueError, r"fit in the scan of shape \(9, 9\), got"),
        ((np.zeros((9, 9)), (3, 3), 0), ValueError, "n_patches must be >= 1, got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        extract_patches(*arguments)


def test_bad_methods_and_full_grids_are_named():
    with pytest.raises(ValueError, match=r"method must be one of .*got 'sobol'"):
        extract_patches(np.zeros((9, 9)), (3, 3), method="sobol")
    with pytest.raises(ValueError, match=r"n_patches must be <= 9 .*got 10"):
        extract_patches(np.zeros((9, 9)), (3, 3), 10, method="grid")


@st.composite
def layouts(draw):
    n_axes = draw(st.sampled_from([2, 3]))
    shape = draw(st.tuples(*[st.integers(1, 7)] * n_axes))
    position = st.tuples(*[st.integers(0, 25)] * n_axes)
    positions = draw(st.lists(position, min_size=5, max_size=30))
    return np.array(positions), shape, draw(st.integers(2, 5))


def share_a_voxel(p, q, shape):
    voxels = [{tuple(np.add(start, offset)) for offset in np.ndindex(*shape)} for start in (p, q)]
    return not voxels[0].isdisjoint(voxels[1])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(layouts())
def test_no_test_patch_shares_a_voxel_with_a_training_patch(layout):
    positions, shape, n_splits = layout
    try:
        folds = split_patches(positions, shape, n_splits)
    except ValueError as error:
        if "has no training patch" not in str(error):
            raise
        reject()
    assert len(folds) == n_splits
    tests = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(tests), np.arange(len(positions)))
    for train, test in folds:
        touching = [any(share_a_voxel(p, positions[j], shape) for j in test) for p in positions]
        np.testing.assert_array_equal(train, np.flatnonzero(~np.array(touching)))


def test_tiles_that_touch_do_not_overlap():
    _, positions = extract_patches(
        np.zeros((700, 700)), (7, 7), method="grid", return_positions=True
    )
    for train, test in split_patches(positions, (7, 7), 5):
        assert len(train) + len(test) == 10_000
        assert len(test) == 2_000


def test_patches_that_share_one_corner_voxel_overlap():
    positions = [[0, 0], [4, 4], [5, 20], [40, 40]]
    (train, test), _ = split_patches(positions, (5, 5), 2)
    np.testing.assert_array_equal(test, [0, 1])
    np.testing.assert_array_equal(train, [2, 3])
    (train, test), _ = split_patches([[0, 0], [0, 4], [4, 8], [0, 40]], (5, 5), 2)
    np.testing.assert_array_equal(test, [0, 1])
    np.testing.assert_array_equal(train, [3])


def test_too_few_or_too_crowded_patches_are_refused():
    with pytest.raises(ValueError, match=r"n_splits must be <= 3 .*got 4"):
        split_patches([[0, 0], [9, 9], [20, 20]], (2, 2), 4)
    with pytest.raises(ValueError, match="fold 0 of 2 has no training patch"):
        split_patches([[0, 0], [0, 1], [0, 2], [0, 3]], (4, 4), 2)
    with pytest.raises(ValueError, match="n_splits must be >= 2, got 1"):
        split_patches([[0, 0], [9, 9]], (2, 2), 1)


def test_bad_positions_are_refused():
    with pytest.raises(ValueError, match="positions must be >= 0, got -1"):
        split_patches([[0, -1], [9, 9]], (2, 2), 2)
    with pytest.raises(TypeError, match="positions must be integers, got dtype float64"):
        split_patches([[0.0, 0.5], [9, 9]], (2, 2), 2)
    with pytest.raises(ValueError, match=r"positions must have shape .*got shape \(3,\)"):
        split_patches([0, 1, 2], (2, 2), 2)


def test_folds_take_away_the_score_that_memory_earns():
    rng = np.random.default_rng(0)
    scan, label = gaussian_filter(rng.standard_normal((2, 120, 120)), (0, 10, 10), mode="wrap")
    patches, positions = extract_patches(scan, (16, 16), 800, random_state=0, return_positions=True)
    voxels = patches.reshape(800, -1)
    target = label[tuple(positions.T + 8)]
    nearest = KNeighborsRegressor(1)
    shuffled = KFold(5, shuffle=True, random_state=0)
    leaking = cross_val_score(nearest, voxels, target, cv=shuffled)
    apart = cross_val_score(nearest, voxels, target, cv=split_patches(positions, (16, 16)))
    assert leaking.mean() > 0.5
    assert apart.mean() < 0


def cut_by_hand(scans, positions, shape):
    return np.stack(
        [
            scans[k][tuple(slice(p, p + s) for p, s in zip(place, shape, strict=True))]
            for k, *place in positions
        ]
    )


SCANS = [numbered((20, 31)), 10**6 + numbered((9, 8)), 10**7 + numbered((40, 12))]


@pytest.mark.parametrize("method", METHODS)
def test_patches_of_several_scans_say_where_they_come_from(method):
    stack = np.stack([SCANS[0], SCANS[0] + 10**5])
    volumes = np.stack([numbered((9, 10, 11)), 10**6 + numbered((9, 10, 11))])
    for scans, shape in [
        (SCANS, (8, 7)),
        (stack, (8, 7)),
        (volumes, (4, 5, 3)),
        (stack[:1], (8, 7)),
    ]:
        with case(np.shape(scans[0]), len(scans)):
            options = {"method": method, "random_state": 0, "return_positions": True}
            patches, positions = extract_patches(scans, shape, 7, **options)
            assert positions.shape == (7, 1 + len(shape))
            np.testing.assert_array_equal(patches, cut_by_hand(scans, positions, shape))


def test_a_single_image_in_a_stack_is_cut_as_the_image():
    image = numbered((1, 256, 256))
    patches = extract_patches(image, (64, 64), method="grid")
    np.testing.assert_array_equal(patches, extract_patches(image[0], (64, 64), method="grid"))
    with pytest.raises(
        ValueError, match=r"shape must be \(64, 64\) to cut images out of a stack of"
    ):
        extract_patches(image, (1, 64, 64))


def test_three_axes_are_a_volume_where_a_patch_has_three_sides():
    volume = numbered((9, 10, 11))
    _, positions = extract_patches(volume, (3, 3, 3), 5, random_state=0, return_positions=True)
    assert positions.shape == (5, 3)
    same = extract_patches(list(volume), (3, 3, 3), 5, random_state=0)
    np.testing.assert_array_equal(same, extract_patches(volume, (3, 3, 3), 5, random_state=0))


def test_every_place_of_every_scan_is_as_likely():
    _, positions = extract_patches(SCANS, (8, 7), 6000, random_state=0, return_positions=True)
    n_places = np.array([13 * 25, 2 * 2, 33 * 6])
    counts = np.bincount(positions[:, 0], minlength=3)
    expected = 6000 * n_places / n_places.sum()
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_the_default_number_is_that_of_the_tiles_of_all_scans():
    assert len(extract_patches(SCANS, (8, 7))) == 2 * 4 + 1 * 1 + 5 * 1


@pytest.mark.parametrize("method", ["random", "grid"])
def test_patches_hold_no_masked_voxel(method):
    rng = np.random.default_rng(0)
    for shape, patch in [((40, 50), (5, 4)), ((14, 15, 16), (3, 4, 2))]:
        mask = rng.random(shape) < 0.02
        scan = np.ma.masked_array(np.where(mask, -1, numbered(shape)), mask)
        n = None if method == "grid" else 500
        for scans in (scan, [scan, numbered(shape) + 10**6]):
            patches = extract_patches(scans, patch, n, method=method, random_state=0)
            assert patches.min() >= 0
            assert not isinstance(patches, np.ma.MaskedArray)
    patches, positions = extract_patches(scan, patch, 20000, random_state=0, return_positions=True)
    windows = np.lib.stride_tricks.sliding_window_view(mask, patch)
    n_free = np.count_nonzero(~windows.any(axis=(3, 4, 5)))
    assert len(np.unique(positions, axis=0)) > 0.95 * n_free
    with pytest.raises(ValueError, match="method must be 'random' or 'grid' for scans with unk"):
        extract_patches(scan, patch, 5, method="latin-hypercube")
    with pytest.raises(ValueError, match="with enough known voxels"):
        extract_patches(np.ma.masked_array(np.zeros((9, 9)), np.ones((9, 9))), (2, 2), 3)


def test_patches_of_scans_with_nan_and_patches_partly_known():
    rng = np.random.default_rng(0)
    mask = rng.random((30, 40)) < 0.1
    numbers = numbered(mask.shape).astype(float)
    scan = np.where(mask, np.nan, numbers)
    settings = {"n_patches": 400, "random_state": 0, "return_positions": True}
    patches, positions = extract_patches(scan, (3, 4), **settings)
    assert np.isfinite(patches).all()
    same, _ = extract_patches(np.ma.masked_array(numbers, mask), (3, 4), **settings)
    np.testing.assert_array_equal(patches, same)
    partly, positions = extract_patches([scan, numbers], (3, 4), min_known=0.75, **settings)
    assert isinstance(partly, np.ma.MaskedArray)
    windows = np.lib.stride_tricks.sliding_window_view(scan, (3, 4))
    first = positions[:, 0] == 0
    expected = windows[tuple(positions[first, 1:].T)]
    np.testing.assert_array_equal(partly[first].filled(np.nan), expected)
    assert not partly[~first].mask.any()
    shares = 1 - partly.mask.mean(axis=(1, 2))
    assert 0.75 <= shares.min() < 0.8
    whole = extract_patches(numbers, (3, 4), 5, min_known=0.5, random_state=0)
    assert not isinstance(whole, np.ma.MaskedArray)
    with pytest.raises(ValueError, match=r"min_known must lie in \(0, 1\], got 0"):
        extract_patches(scan, (3, 4), min_known=0)


def test_scans_that_do_not_fit_are_named():
    with pytest.raises(
        ValueError, match=r"shape must fit in scan\[1\] of shape \(9, 8\), got \(9, 9\)"
    ):
        extract_patches(SCANS, (9, 9))
    with pytest.raises(ValueError, match=r"scan\[1\] must have 2 axes, got shape \(9,\)"):
        extract_patches([np.zeros((9, 9)), np.zeros(9)], (3, 3))
    with pytest.raises(ValueError, match=r"shape must hold 3 integers, got \(3, 3\)"):
        extract_patches(np.zeros((2, 9, 9, 9)), (3, 3))


def test_folds_of_several_scans_share_no_voxel_and_keep_scans_whole():
    scans = np.stack([numbered((30, 30))] * 4)
    _, positions = extract_patches(scans, (10, 10), method="grid", return_positions=True)
    folds = split_patches(positions, (10, 10), n_splits=4)
    for train, test in folds:
        assert len(test) == 9
        assert len(train) == 27  # the same place in another scan is another place
        assert len(np.unique(positions[test, 0])) == 1
    _, positions = extract_patches(SCANS, (4, 3), 30, random_state=0, return_positions=True)
    for train, test in split_patches(positions, (4, 3), n_splits=3):
        for k in test:
            apart = np.abs(positions[train] - positions[k])
            assert (apart >= (1, 4, 3)).any(axis=1).all()
