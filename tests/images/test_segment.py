"""Phases out of grey levels, and doubts about what is taken for phases."""

import io
import itertools
import tracemalloc
import warnings

import numpy as np
import pytest
from cases import case
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

from skmicro import segment
from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import GreyLevelWarning, ImageShapeWarning, LabelWarning
from skmicro.images import encoder_for


def blobs(side=96, seed=0, sigma=4):
    field = gaussian_filter(np.random.default_rng(seed).standard_normal((side, side)), sigma)
    return field / field.std()


MASK = blobs() > 0.5


def scatter_within(values, labels):
    return sum(np.square(values[labels == k] - values[labels == k].mean()).sum() for k in {*labels})


def test_thresholds_are_those_of_least_variance_by_exhaustion():
    values = np.random.default_rng(0).integers(0, 25, 80)
    present = np.unique(values)
    for n_phases in (2, 3, 4):
        labels = segment(values, levels=n_phases)
        assert set(labels) == set(range(n_phases))
        least = min(
            scatter_within(values, np.searchsorted(cuts, values))
            for cuts in itertools.combinations(present[:-1], n_phases - 1)
        )
        assert scatter_within(values, labels) == pytest.approx(least)


def test_thresholds_cut_above_them_and_levels_in_the_middle():
    grey = np.array([[0, 127, 128, 129, 255]])
    np.testing.assert_array_equal(segment(grey, threshold=128), grey > 128)
    np.testing.assert_array_equal(segment(grey, threshold=(127, 128)), [[0, 0, 1, 2, 2]])
    labels, thresholds = segment(grey, levels=(0, 128, 255), return_thresholds=True)
    np.testing.assert_array_equal(labels, [[0, 1, 1, 1, 2]])
    np.testing.assert_array_equal(thresholds, [64, 191.5])
    assert labels.dtype == np.uint8


def test_float_levels_of_two_phases_with_noise():
    rng = np.random.default_rng(1)
    grey = 0.2 + 0.5 * MASK + 0.05 * rng.standard_normal(MASK.shape)
    assert (segment(grey[None]) == MASK).mean() > 0.999


def test_what_cannot_be_cut_is_named():
    for arguments, error, message in [
        ({"levels": 1}, ValueError, "levels must be >= 2, got 1"),
        ({"levels": (1, 1)}, ValueError, "levels must be a number or numbers that rise"),
        ({"levels": (1,)}, ValueError, "levels must hold two grey levels at least"),
        ({"levels": 4}, ValueError, "images must have 4 grey levels at least for levels=4, got 3"),
        ({"threshold": (2, 1)}, ValueError, "threshold must be a number or numbers that rise"),
        ({"threshold": "a"}, TypeError, "threshold must hold numbers"),
    ]:
        with case(arguments), pytest.raises(error, match=message):
            segment(np.array([[0, 1, 2]]), **arguments)
    with pytest.raises(
        ValueError, match=r"^segment does not support unknown voxels .* got 1 in images"
    ):
        segment(np.array([[0, np.nan]]))


def jpeg(mask, quality=85):
    file = io.BytesIO()
    Image.fromarray((mask * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def smooth(mask, factor=4):
    """A mask drawn at a higher resolution, with smooth edges."""
    side = mask.shape[0] // factor
    return (mask.reshape(side, factor, side, factor).mean((1, 3)) * 255).astype(np.uint8)


RIMMED = {
    "smooth edges": smooth(blobs(384, sigma=16) > 0.5),
    "resized": np.asarray(Image.fromarray((MASK * 255).astype(np.uint8)).resize((150, 150), 2))
    // 9,
    "JPEG": jpeg(MASK, 92),
    "three phases, smooth edges": smooth((blobs(384, sigma=16) > 0.5) + (blobs(384, 1, 16) > 1.0))
    // 2,
}


@pytest.mark.parametrize("kind", RIMMED)
def test_rims_are_told_from_phases_and_mended_by_one_call(kind):
    image = RIMMED[kind]
    n = len(np.unique(image))
    assert 6 <= n <= 64
    with pytest.warns(LabelWarning, match=rf"X has {n} labels, .* skmicro\.segment\(X\) returns"):
        VolumeFraction().fit(image[None])
    if not kind.startswith("three"):
        p1 = VolumeFraction().fit_transform(segment(image[None]))[0, 0]
        assert p1 == pytest.approx(image.mean() / image.max(), abs=0.01)


def test_phases_are_no_rims():
    rng = np.random.default_rng(0)
    steps = np.digitize(blobs(), np.linspace(-1.5, 1.5, 9))  # nested phases, of bands
    grains = zoom(rng.integers(0, 40, (12, 12)), 8, order=0)
    three = np.array([0, 128, 255])[(blobs() > 0.5).astype(int) + (blobs(seed=1) > 0.8)]
    noise = rng.integers(0, 12, (64, 64))
    sparse = np.where(MASK, 0, zoom(rng.integers(1, 20, (24, 24)), 4, order=0))
    cement = np.arange(0, 256, 51)[np.digitize(blobs(), [-2, -1, 0, 1, 2])]
    with warnings.catch_warnings():
        warnings.simplefilter("error", LabelWarning)
        for image in (steps, grains, three, noise, sparse, cement):
            encoder = encoder_for(image[None])
            np.testing.assert_array_equal(encoder.phases, np.unique(image))
        np.testing.assert_array_equal(encoder_for(three[None].astype(float)).phases, [0, 128, 255])


def test_levels_that_are_no_shares_are_named_in_the_same_words():
    grains = np.arange(100.0).reshape(1, 10, 10)
    percent = np.random.default_rng(0).random((1, 10, 10)) * 100
    grey = percent * 2.55
    for X, words in [
        (grains, "levels from 0 to 99, all of them whole numbers, as ids of grains or bytes are"),
        (percent, "as percentages have"),
        (grey, r"levels from \S+ to 25\d\.\d+\. Descriptors"),
    ]:
        with case(words), warnings.catch_warnings():
            warnings.simplefilter("default")
            with pytest.warns(GreyLevelWarning, match=words) as caught:
                VolumeFraction().fit(X)
            assert "skmicro.segment(X)" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VolumeFraction().fit(grey / 255)
    with pytest.raises(ValueError, match=r"at most 64 distinct labels, got 100: ids of .*segment"):
        VolumeFraction().fit(grains.astype(int))


def test_what_is_no_stack_of_images_is_refused_with_the_call_that_is_right():
    image = MASK.astype(np.uint8)
    with pytest.raises(ValueError, match=r"got one array of shape \(96, 96\) .*X\[None\] for one"):
        VolumeFraction().fit(image)
    with pytest.warns(ImageShapeWarning, match=r"X\[None\] for one of them"):
        VolumeFraction().fit(image * 0.5)
    with pytest.raises(ValueError, match=r"got shape \(2, 96, 96, 3\), as colours have: pass X\["):
        VolumeFraction().fit(np.zeros((2, 96, 96, 3), np.uint8))
    volume = np.zeros((6, 7, 8), np.uint8)
    fitted = VolumeFraction().fit(volume[None])
    with pytest.raises(ValueError, match=r"got one image of shape \(6, 7, 8\): pass X\[None\]"):
        fitted.transform(volume)
    assert VolumeFraction(image_shape=(32, 32)).fit_transform(
        np.zeros((20, 1024), np.uint8)
    ).shape == (20, 1)


def test_stored_grey_levels_are_counted_block_by_block():
    for dtype, highest in ((np.uint8, 255), (np.uint16, 2**16 - 1)):
        images = np.random.default_rng(0).beta(2, 5, (80, 128, 128)) * highest
        images = images.astype(dtype)
        beyond = []
        for some in (images[:20], images):
            tracemalloc.start()
            labels = segment(some, levels=3)
            beyond.append(tracemalloc.get_traced_memory()[1] - labels.nbytes)
            tracemalloc.stop()
            np.testing.assert_array_equal(labels, segment(some.astype(np.int64), levels=3))
        with case((dtype, beyond)):
            assert beyond[1] - beyond[0] < 2**17
