"""Images larger than memory: read in blocks and windows, with the results of those in memory."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
import zarr
from cases import case

from skmicro.generators import FlowMatchingGenerator, _sources
from skmicro.images import ChunkedImages, blocks_of, encoder_for, extract_patches
from skmicro.images import _large as large
from skmicro.training import random_crops
from skmicro.training.fingerprint import digest

SETTINGS = {"width": 8, "n_iter": 1, "batch_size": 2, "n_steps": 1}
SETTINGS |= {"random_state": 0, "device": "cpu", "target_tol": np.inf}


class Watched:
    """A chunked array that notes the largest part that was read, and the reads of each chunk."""

    def __init__(self, array):
        self.array, self.chunks = array, (4,) * array.ndim
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype
        self.largest, self.reads = 0, Counter()

    def __getitem__(self, place):
        part = self.array[place]
        self.largest = max(self.largest, part.size)
        ranges = [range(part.start // 4, -(-part.stop // 4)) for part in place]
        self.reads.update(product(*ranges))
        return part


def scan(shape=(20, 24, 28), seed=0):
    return (np.random.default_rng(seed).random(shape) > 0.6).astype(np.uint8)


@pytest.mark.parametrize("shape", [(7, 5, 6), (3, 40, 30), (2, 9, 8, 7), (50, 2), (4,), (2, 0)])
def test_blocks_are_all_voxels_in_order(shape, monkeypatch):
    images = np.arange(np.prod(shape)).reshape(shape)
    monkeypatch.setattr(large, "BLOCK_VOXELS", 60)
    blocks = list(blocks_of(images))
    assert all(block.size <= 60 for block in blocks)
    np.testing.assert_array_equal(
        np.concatenate([block.ravel() for block in blocks] or [[]]), images.ravel()
    )


def test_what_is_told_of_images_does_not_depend_on_blocks(monkeypatch):
    labels = np.random.default_rng(0).integers(-2, 3, (3, 6, 5)).astype(np.int8)
    levels = np.random.default_rng(0).normal(size=(3, 6, 5))
    whole = [encoder_for(labels).phases, vars(encoder_for(levels)), digest(labels)]
    monkeypatch.setattr(large, "BLOCK_VOXELS", 7)
    encoder = encoder_for(labels)
    np.testing.assert_array_equal(encoder.phases, whole[0])
    assert vars(encoder_for(levels)) == whole[1]
    assert digest(labels) == whole[2]
    encoder.check(labels)
    with pytest.raises(ValueError, match=r"X must hold only the phases .* got \[9\]"):
        encoder.check(np.where(labels == 1, 9, labels))


def test_training_on_chunks_is_that_on_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(_sources, "N_DESCRIBED", 16)  # windows, each of which is read by itself
    array = scan()
    made = FlowMatchingGenerator(crop_shape=(8, 8, 8), **SETTINGS)
    expected = made.fit(array[None]).sample(2, random_state=0)
    stored = zarr.create_array(tmp_path / "scan.zarr", data=array, chunks=(8, 8, 8))
    stacked = zarr.create_array(tmp_path / "stack.zarr", data=array[None], chunks=(1, 8, 8, 8))
    np.save(tmp_path / "scan.npy", array)
    mapped = np.load(tmp_path / "scan.npy", mmap_mode="r")
    for name, X in (("zarr", [stored]), ("one array", stacked), ("memory map", mapped[None])):
        with case(name):
            np.testing.assert_array_equal(made.fit(X).sample(2, random_state=0), expected)
    # Several scans, and a checkpoint that tells images apart.
    settings = SETTINGS | {"checkpoint": tmp_path / "training.skm"}
    made = FlowMatchingGenerator(crop_shape=(8, 8, 8), **settings)
    made.fit([stored, stored])
    with pytest.raises(ValueError, match="belongs to another training: data was"):
        made.fit([stored])


def test_no_more_than_a_chunk_or_a_window_is_read_at_once():
    X = Watched(scan((40, 24, 28)))
    FlowMatchingGenerator(crop_shape=(8, 8, 8), **SETTINGS).fit([X])
    assert X.largest == 8**3
    X.largest = 0
    patches, positions = extract_patches(
        X, (4, 5, 6), 9, method="latin-hypercube", random_state=0, return_positions=True
    )
    assert X.largest == 4 * 5 * 6
    expected, same = extract_patches(
        X.array, (4, 5, 6), 9, method="latin-hypercube", random_state=0, return_positions=True
    )
    np.testing.assert_array_equal(positions, same)
    np.testing.assert_array_equal(patches, expected)


@pytest.mark.parametrize("chunks", [(4, 4, 4), ((8, 12), (24,), (20, 8)), None, (64, 64, 64)])
def test_chunks_hold_every_voxel_once(chunks):
    X = Watched(scan())
    X.chunks = chunks
    images = ChunkedImages([X, X])
    assert images.shape == (2, 20, 24, 28)
    assert sum(block.size for block in blocks_of(images)) == images.shape[0] * X.array.size
    assert sum(int(block.sum()) for block in blocks_of(images)) == 2 * X.array.sum()


def test_chunks_that_many_windows_share_are_read_once():
    array = scan((20, 24, 26))
    rng = np.random.default_rng(1)
    for stacked in (False, True):
        with case(stacked):
            X = Watched(np.stack([array, 1 - array]) if stacked else array)
            images = ChunkedImages(X if stacked else [X, X])
            places = rng.integers(0, (14, 19, 21), (300, 3))
            places[0], places[1] = (0, 0, 0), (14, 19, 21)  # as far as windows reach
            index = rng.integers(0, 2, 300)
            shape = (6, 5, 5)
            windows = images.windows(index, places, shape)
            boxes = [tuple(map(slice, place, place + shape)) for place in places]
            for window, k, box in zip(windows, index, boxes, strict=True):
                np.testing.assert_array_equal(window, (X.array[k] if stacked else array)[box])
            # Two images are two arrays, or lie in one row of chunks.
            assert max(X.reads.values()) == (1 if stacked else 2)
            assert len(X.reads) > 5 * 6 * 7 - 20  # corners may not be met
            assert X.largest <= 4**3 * (1 + stacked)
    # Patches of a scan as well, and conditions of a training.
    X = Watched(array)
    patches = extract_patches(X, (6, 5, 5), 200, random_state=0)
    expected = extract_patches(array, (6, 5, 5), 200, random_state=0)
    np.testing.assert_array_equal(patches, expected)
    assert set(X.reads.values()) == {1}
    index, settings = torch.zeros(200, dtype=torch.int64), ((6, 5, 5), torch.Generator())
    X.reads.clear()
    crops = random_crops(ChunkedImages([X]), index, settings[0], settings[1].manual_seed(0))
    same = random_crops(array[None], index, settings[0], settings[1].manual_seed(0))
    np.testing.assert_array_equal(crops, same)
    assert set(X.reads.values()) == {1}


def test_windows_between_chunks_of_any_size():
    array = scan()
    places = np.random.default_rng(2).integers(0, (17, 21, 25), (60, 3))
    boxes = [tuple(map(slice, place, place + 3)) for place in places]
    for chunks in (((8, 12), (24,), (20, 8)), None, (64, 64, 64), (1, 24, 28)):
        with case(chunks):
            X = Watched(array)
            X.chunks = chunks
            windows = large.windows_of(X, places, (3, 3, 3))
            np.testing.assert_array_equal(windows, [array[box] for box in boxes])
    assert large.windows_of(X, places[:1], (3, 3, 3)).shape == (1, 3, 3, 3)


def test_refusals():
    for name, X, error, message in (
        ("text", [Watched(np.full((4, 4), "a"))], TypeError, "X must hold numbers"),
        ("axes", [Watched(np.zeros((4, 4, 4, 4)))], ValueError, "X must have shape"),
        ("empty", Watched(np.zeros((1, 0, 4))), ValueError, "X must have shape"),
        ("shapes", [Watched(scan()), Watched(scan((4, 4, 4)))], ValueError, "one common shape"),
        ("nan", [Watched(np.full((4, 4), np.nan))], ValueError, "X must hold finite numbers"),
    ):
        with case(name), pytest.raises(error, match=message):
            ChunkedImages(X)


def test_patches_of_a_stack_in_chunks_are_those_in_memory(tmp_path):
    array = scan((3, 40, 50))
    stored = zarr.create_array(tmp_path / "stack.zarr", data=array, chunks=(1, 16, 16))
    options = {"random_state": 0, "return_positions": True}
    for one, other in zip(
        extract_patches(stored, (9, 8), 30, **options),
        extract_patches(array, (9, 8), 30, **options),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
