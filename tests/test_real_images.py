"""The way of real images: files, patches, descriptors, a short training."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import skmicro
from skmicro.descriptors import (
    EulerNumber,
    SpecificSurface,
    TwoPointCorrelation,
    VolumeFraction,
)
from skmicro.exceptions import BorderWarning
from skmicro.generators import InvNetGenerator

pytestmark = pytest.mark.realdata


@pytest.fixture
def folder():
    return Path(os.environ["SKMICRO_DATA"])


@pytest.mark.parametrize(
    ("file", "key", "shape"),
    [
        ("materials_256.npz", "alloy", (1, 256, 256)),
        ("cahn_hilliard_thin_film_17x114x512.npz", "images", (17, 114, 512)),
        ("berea_sandstone_200x400x400.npz", "images", (200, 400, 400)),
    ],
)
def test_files_are_two_phase_images(folder, file, key, shape):
    images = skmicro.read_images(folder / file, key=key)
    assert images.shape == shape
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(np.unique(images[0]), [0, 1])


def test_patches_keep_the_fraction_of_the_micrograph(folder):
    scan = skmicro.read_images(folder / "materials_256.npz", key="alloy")[0]
    patches = skmicro.extract_patches(scan, (64, 64), method="grid")
    fractions = VolumeFraction().fit(patches).transform(patches)
    assert fractions.mean() == pytest.approx(scan.mean(), abs=1e-6)


def test_three_phase_micrograph_trains_and_meets_exact_fractions(folder):
    scan = skmicro.read_images(folder / "materials_256.npz", key="composite")[0]
    patches = skmicro.extract_patches(scan, (32, 32), 64, random_state=0)
    generator = InvNetGenerator.light(
        invariances=("phase_fractions",), n_iter=5, random_state=0
    ).fit(patches)
    wanted = np.bincount(patches.ravel(), minlength=3) / patches.size
    samples = generator.sample(4, phase_fractions=wanted, exact=True, random_state=0)
    got = np.stack([np.bincount(image.ravel(), minlength=3) for image in samples]) / 32**2
    np.testing.assert_allclose(got, np.tile(wanted, (4, 1)), atol=1 / 32**2)


def test_blocks_of_a_scan_have_its_statistics(folder):
    """Borders are told, and what they hide is corrected for."""
    scan = skmicro.read_images(folder / "berea_sandstone_200x400x400.npz", key="images")
    scan = scan[:192, :192, :192]
    blocks = scan.reshape(3, 64, 3, 64, 3, 64).transpose(0, 2, 4, 1, 3, 5).reshape(27, 64, 64, 64)
    for kind in (SpecificSurface, EulerNumber, TwoPointCorrelation):
        descriptor = kind(**({"max_lag": 5} if kind is TwoPointCorrelation else {})).fit(blocks)
        assert descriptor.periodic_ is False
        found = descriptor.transform(blocks).mean(axis=0)
        whole = clone(descriptor).fit_transform(scan[None])[0]
        np.testing.assert_allclose(found, whole, rtol=0.04)
    pieces = EulerNumber(edge_correction=False).fit_transform(blocks).mean()
    whole = EulerNumber().fit_transform(scan[None]).item()
    assert abs(pieces) < abs(whole) / 3
    with pytest.warns(BorderWarning):
        wrapped = SpecificSurface(periodic=True).fit_transform(blocks).mean()
    assert wrapped > 1.08 * SpecificSurface().fit_transform(scan[None]).item()
