"""ShapeArea, ShapeCentroid, ShapeMoments: closed forms, scipy, gradients."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from skmicro.descriptors import (
    PhaseFractions,
    ShapeArea,
    ShapeCentroid,
    ShapeMoments,
    descriptor_named,
)

SHAPES = [(7, 9), (4, 5, 6), (1, 9)]
KINDS = [ShapeArea, ShapeCentroid, ShapeMoments]


def labels(shape, n_phases=3, seed=0):
    return np.random.default_rng(seed).integers(0, n_phases, (4, *shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_centroids_are_centres_of_mass(shape):
    X = labels(shape)
    found = ShapeCentroid().fit_transform(X).reshape(4, 2, len(shape))
    for image, row in zip(X, found, strict=True):
        for phase in (1, 2):
            figure = image == phase
            centre = np.array(ndimage.center_of_mass(figure))
            pulled = figure.sum() / (figure.sum() + 0.01)
            assert_allclose(row[phase - 1], pulled * (centre + 0.5) / shape, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("background", [None, 0, 1, 2])
def test_areas_are_the_fractions_of_all_but_the_background(shape, background):
    X = labels(shape)
    area = ShapeArea(background=background).fit(X)
    shapes = [phase for phase in range(3) if phase != (background or 0)]
    assert_allclose(area.transform(X), PhaseFractions().fit_transform(X)[:, shapes], rtol=1e-6)
    assert area.get_feature_names_out().tolist() == [f"area_{phase}" for phase in shapes]


@pytest.mark.parametrize("ndim", [2, 3])
def test_box_has_its_area_and_middle(ndim):
    low, high, sides = np.array([2, 3, 1])[:ndim], np.array([7, 5, 6])[:ndim], (10, 8, 9)[:ndim]
    image = np.zeros((1, *sides))
    image[(0, *map(slice, low, high))] = 1
    found = ShapeMoments().fit_transform(image)[0]
    assert_allclose(found[0], np.prod(high - low) / np.prod(sides), rtol=1e-6)
    assert_allclose(found[1:], (low + high) / 2 / sides, rtol=0.01 / np.prod(high - low) + 1e-6)


def test_disc_of_the_paper():
    x, y = np.indices((128, 128))
    disc = ((x - 40) ** 2 + (y - 90) ** 2 <= 20**2).astype(int)[None]
    area, cx, cy = ShapeMoments().fit_transform(disc)[0]
    assert_allclose(area * 128**2, np.pi * 20**2, rtol=0.01)
    assert_allclose([cx * 128, cy * 128], [40.5, 90.5], rtol=1e-4)


@pytest.mark.parametrize("shift", [(3, 0), (0, 5), (2, 4)])
def test_centroid_moves_with_the_figure(shift):
    X = np.zeros((1, 16, 20), int)
    X[0, 2:5, 3:7] = ndimage.generate_binary_structure(2, 1)[:, [0, 1, 1, 2]]
    centroid = ShapeCentroid().fit(X)
    moved = centroid.transform(np.roll(X, shift, (1, 2))) - centroid.transform(X)
    assert centroid.get_feature_names_out().tolist() == ["centroid_1_axis0", "centroid_1_axis1"]
    n_voxels = X.sum()
    assert_allclose(moved[0], np.divide(shift, X.shape[1:]) * n_voxels / (n_voxels + 0.01), 1e-5)


def test_moments_are_area_then_centroid_of_each_figure():
    X = labels((5, 6))
    moments = ShapeMoments(background=1).fit(X)
    found = moments.transform(X)
    assert_array_equal(found[:, [0, 3]], ShapeArea(background=1).fit_transform(X))
    assert_array_equal(found[:, [1, 2, 4, 5]], ShapeCentroid(background=1).fit_transform(X))
    assert moments.get_feature_names_out().tolist() == [
        "area_0", "centroid_0_axis0", "centroid_0_axis1",
        "area_2", "centroid_2_axis0", "centroid_2_axis1",
    ]  # fmt: skip


def test_absent_figure_has_area_and_centroid_zero():
    X = labels((5, 6))
    moments = ShapeMoments().fit(X)
    assert_array_equal(moments.transform(np.zeros_like(X[:1])), 0)
    one_voxel = np.zeros((1, 5, 6), int)
    one_voxel[0, 4, 0] = 2
    assert_allclose(
        moments.transform(one_voxel)[0, 3:], [1 / 30, 0.9 / 1.01, 0.5 / 6 / 1.01], rtol=1e-6
    )


@pytest.mark.parametrize("label", [0, 5])
def test_images_of_one_label(label):
    X = np.full((2, 4, 6), label)
    # Zeros alone are of the phases 0 and 1; fives may be of any.
    moments = ShapeMoments(phases=(5,) if label == 5 else None).fit(X)
    found = moments.transform(X)
    assert moments.get_feature_names_out()[0] == ("area_5" if label == 5 else "area_1")
    full = [1, *np.full(2, 0.5 * 24 / 24.01)]
    assert_allclose(found, np.tile(full if label == 5 else [0, 0, 0], (2, 1)), rtol=1e-6)


def test_grey_levels_are_weights():
    grey = np.random.default_rng(1).normal(size=(3, 6, 7))
    weights = np.maximum(grey, 0)
    centres = [np.add(ndimage.center_of_mass(image), 0.5) / (6, 7) for image in weights]
    pulled = weights.sum(axis=(1, 2)) / (weights.sum(axis=(1, 2)) + 0.01)
    found = ShapeMoments().fit(grey)
    assert_allclose(found.transform(grey)[:, 0], grey.mean(axis=(1, 2)), rtol=1e-12)
    assert_allclose(found.transform(grey)[:, 1:], pulled[:, None] * centres, rtol=1e-12)
    assert found.get_feature_names_out()[0] == "area_grey"
    assert_array_equal(ShapeCentroid().fit_transform(-np.abs(grey)), 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(2, 4, 3), (3, 2, 3, 2), (1, 3, 3)])
def test_gradients(kind, shape):
    images = torch.rand(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(kind(), images.requires_grad_())


def test_gradient_reaches_an_absent_figure():
    images = torch.stack([torch.ones(1, 4, 4), torch.zeros(1, 4, 4)], dim=1).requires_grad_()
    ShapeCentroid()(images).sum().backward()
    assert torch.isfinite(images.grad).all()
    assert (images.grad[:, 1] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_background_is_named(kind):
    with pytest.raises(ValueError, match=r"background must be one of .*\[0, 1, 2\], got 4"):
        kind(background=4).fit(labels((5, 6)))
    with pytest.raises(ValueError, match="background must be None for grey-level images, got 0"):
        kind(background=0).fit(np.random.default_rng(0).random((2, 5, 6)))
    assert descriptor_named(kind.name) is kind
