"""Volumes from a generator of images."""

import dataclasses
import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from textures import blobs
from tiny_flows import TINY, randomised

import skmicro
from skmicro.exceptions import ExtrapolationWarning
from skmicro.flows import _sections
from skmicro.generators import FlowMatchingGenerator

SHAPE = (6, 8, 10)
LAYERS = {"n_iter": 150, "width": 8, "batch_size": 16, "learning_rate": 4e-3, "periodic": True}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Fewer steps, where only what happens to their results is looked at."""
    monkeypatch.setattr(_sections, "N_STEPS", 3)


@cache
def flow():
    return randomised(blobs(shape=(8, 8)), target_tol=np.inf)


def test_volumes_have_the_shape_the_labels_and_the_fraction_of_the_images():
    generator = randomised(7 * blobs(shape=(8, 8)) + 1, target_tol=np.inf)
    volumes = generator.sample_volume(2, shape=SHAPE, random_state=0)
    assert volumes.shape == (2, *SHAPE)
    assert volumes.dtype == np.uint8
    assert set(np.unique(volumes)) == {1, 8}
    assert (volumes[0] != volumes[1]).any()
    assert generator.sample_volume(random_state=0).shape == (1, 8, 8, 8)
    big = generator.sample_volume(shape=(24, 24, 24), random_state=0)
    assert (big == 8).mean() == pytest.approx(0.5, abs=0.1)


def test_first_volumes_do_not_depend_on_their_number_and_seeds_are_kept():
    many = flow().sample_volume(3, shape=SHAPE, random_state=1)
    np.testing.assert_array_equal(flow().sample_volume(1, shape=SHAPE, random_state=1), many[:1])
    assert (many[0] != flow().sample_volume(1, shape=SHAPE, random_state=2)[0]).any()


def test_fractions_are_met_exactly_one_for_each_volume():
    wanted = np.array([0.25, 0.6])
    volumes = flow().sample_volume(2, shape=SHAPE, p1=wanted, exact=True, random_state=0)
    np.testing.assert_allclose(volumes.mean(axis=(1, 2, 3)), wanted, atol=0.5 / 480)
    rest = flow().sample_volume(
        2, shape=SHAPE, volume_fraction={0: 1 - wanted}, exact=True, random_state=0
    )
    np.testing.assert_array_equal(rest, volumes)
    three = randomised(blobs(shape=(8, 8), n_phases=3), target_tol=np.inf)
    typical = three.conditions_.measured_rows.mean(axis=0)
    volume = three.sample_volume(shape=SHAPE, p1=0.4, exact=True, random_state=0)
    shares = np.bincount(volume.ravel()) / volume.size
    assert shares[2] == pytest.approx(0.4, abs=0.5 / 480)
    volume = three.sample_volume(
        shape=SHAPE, phase_fractions=[0.2, 0.3, 0.5], exact=True, random_state=0
    )
    np.testing.assert_allclose(np.bincount(volume.ravel()) / 480, [0.2, 0.3, 0.5], atol=1 / 480)
    model = three._volume_model(SHAPE, None, {})
    np.testing.assert_allclose(model.conditions.rows[0], typical, rtol=1e-6)
    with pytest.warns(ExtrapolationWarning, match="p1 lies outside"):
        flow().sample_volume(shape=SHAPE, p1=0.9, random_state=0)


@pytest.mark.filterwarnings(
    "ignore::skmicro.exceptions.ExtrapolationWarning",
    "ignore::skmicro.exceptions.ThresholdWarning",
)
def test_fixed_sections_are_contained():
    images = blobs(4, (8, 10), seed=3)
    first, other = images[:2]
    sections = {(0, 2): first, (0, 5): other}
    for exact in (False, True):
        volume = flow().sample_volume(
            shape=SHAPE, sections=sections, p1=0.5, exact=exact, random_state=0
        )[0]
        np.testing.assert_array_equal(volume[2], first)
        np.testing.assert_array_equal(volume[5], other)
    share = (first.mean() + other.mean()) / len(volume)
    for p1 in (share, share + 2 / 3):
        volume = flow().sample_volume(
            shape=np.array(SHAPE), sections=sections, p1=p1, exact=True, random_state=0
        )[0]
        np.testing.assert_array_equal(volume[2], first)
        np.testing.assert_array_equal(volume[5], other)
    cross = {(1, 0): first[:6], (2, 9): np.repeat(first[:6, -1:], 8, axis=1)}
    volume = flow().sample_volume(shape=SHAPE, sections=cross, random_state=0)[0]
    np.testing.assert_array_equal(volume[:, 0], cross[1, 0])
    np.testing.assert_array_equal(volume[:, :, 9], cross[2, 9])


def layers(axis, n=24, side=8, seed=0):
    """Sections across an axis of volumes of layers, four voxels thick, normal to axis 0."""
    rng = np.random.default_rng(seed)
    profile = (np.arange(side) + rng.integers(0, side, (n, 1))) % side < side // 2
    if axis == 0:
        return np.repeat(profile[:, :1, None], side, axis=1).repeat(side, axis=2).astype(int)
    return np.repeat(profile[:, :, None], side, axis=2).astype(int)


@pytest.mark.slow
def test_images_across_each_axis_make_a_volume_of_layers(monkeypatch):
    monkeypatch.setattr(_sections, "N_STEPS", 8)
    X = np.concatenate([layers(axis, seed=axis) for axis in range(3)])
    y = pd.DataFrame({"normal": np.repeat([0, 1, 2], 24)})
    generator = FlowMatchingGenerator(
        conditions=("normal",), symmetries=("reflection", "translation"), **TINY | LAYERS
    )
    generator.fit(X, y)
    volumes = generator.sample_volume(4, shape=(8, 8, 8), random_state=0)
    changes = [(volumes != np.roll(volumes, 1, axis)).mean() for axis in (1, 2, 3)]
    assert changes[0] > 0.15
    assert max(changes[1:]) < 0.25 * changes[0]
    assert volumes.mean() == pytest.approx(X.mean(), abs=0.05)


def test_process_variables_are_those_of_the_volume_and_reach_every_section():
    generator = randomised(
        blobs(shape=(8, 8)), y=pd.DataFrame({"T": np.linspace(0, 1, 24)}), conditions=("p1", "T")
    )
    model = generator._volume_model(SHAPE, None, {})
    assert model.conditions.names == ["phase_fractions", "T"]
    rows = model._conditions_across(1, model.tensor([[0.5, 0.5, 0.25]]))
    np.testing.assert_allclose(rows[:, 1], 0.25)
    cold, hot = (
        generator.sample_volume(shape=SHAPE, T=value, random_state=0) for value in (0.0, 1.0)
    )
    assert (cold != hot).any()


def test_a_model_from_a_file_makes_the_same_volumes(tmp_path):
    path = tmp_path / "flow.skm"
    flow().save(path)
    again = skmicro.load(path)
    np.testing.assert_array_equal(
        again.sample_volume(2, shape=SHAPE, p1=0.4, random_state=0),
        flow().sample_volume(2, shape=SHAPE, p1=0.4, random_state=0),
    )


def test_what_cannot_be_made_is_refused_by_name():
    image = blobs(1, (8, 10))[0]
    for arguments, error, message in (
        ({"shape": (8, 8)}, ValueError, "shape must hold 3 integers, got (8, 8)."),
        ({"n_samples": 0}, ValueError, "n_samples must be >= 1, got 0."),
        ({"periodic": "yes"}, ValueError, "periodic must be"),
        ({"exact": True}, ValueError, "exact=True needs one target"),
        ({"specific_surface": 0.3}, ValueError, "must be one phase fraction and process variables"),
        ({"p1": 0.4, "phase_fractions": [0.6, 0.4]}, ValueError, "must be one phase fraction"),
        ({"porosity": 0.4}, ValueError, "porosity"),
        ({"sections": [image]}, TypeError, "sections must be a dict of images, got list."),
        ({"sections": {0: image}}, ValueError, "sections must have keys (axis, position), got 0."),
        ({"sections": {(3, 0): image}}, ValueError, "axis of a section must be < 3, got 3."),
        ({"sections": {(0, 6): image}}, ValueError, "position of a section must be < 6, got 6."),
        ({"sections": {(0, 0): image[:4]}}, ValueError, "(0, 0)] must have shape (8, 10), got"),
        ({"sections": {(0, 0): image + 5}}, ValueError, "sections[(0, 0)] must hold only the"),
        ({"sections": {(0, 0): image[0]}}, ValueError, "sections[(0, 0)]"),
        ({"sections": {(0, 0): np.ma.masked_less(image, 1)}}, ValueError, "unknown voxels"),
        (
            {"sections": {(0, 0): image, (1, 0): np.tile(1 - image[:1], (6, 1))}},
            ValueError,
            "sections[(1, 0)] must be equal to the others where they cross.",
        ),
        (
            {"sections": {(0, k): image for k in range(3)}, "p1": 1.0},
            ValueError,
            f"target p1 must give phase 1 a share in [{image.mean() / 2:g}, "
            f"{image.mean() / 2 + 0.5:g}] with these sections, got 1.",
        ),
        (
            {"sections": {(0, k): image for k in range(6)}, "phase_fractions": [1.0, 0.0]},
            ValueError,
            f"target phase_fractions must give phase 0 a share in [{1 - image.mean():g}, ",
        ),
    ):
        with pytest.raises(error, match=re.escape(message)):
            flow().sample_volume(**{"shape": SHAPE} | arguments)


def test_generators_that_know_no_sections_refuse():
    grey = randomised(np.random.default_rng(0).random((24, 8, 8)))
    volumes = randomised(blobs(shape=(8, 8, 8)))
    normals = randomised(
        blobs(shape=(8, 8)), y=pd.DataFrame({"normal": np.arange(24) % 2}), conditions=("normal",)
    )
    old = randomised(blobs(shape=(8, 8)))
    old.conditions_.measured, old.conditions_.measured_rows = [], None
    for generator, message in (
        (grey, "two-dimensional images of phases, got one of grey levels"),
        (volumes, "two-dimensional images of phases, got one of volumes"),
        (normals, "column 'normal' of y must hold the axes 0, 1 and 2 for volumes, got none of"),
        (old, "got one from a file of an earlier version; fit it again"),
    ):
        with pytest.raises(ValueError, match=message):
            generator.sample_volume()


def test_volumes_whose_borders_do_not_match_are_cut_out_of_periodic_ones():
    generator = flow()
    for periodic, margin in ((True, 0), (False, generator.generator_.coarseness), (None, 0)):
        model = generator._volume_model(SHAPE, periodic, {})
        assert model.conditions.periodic is (margin == 0)
        assert model.margin == margin
        assert model.planes[1].image_shape == (SHAPE[0] + margin, SHAPE[2] + margin)
        assert all(plane.network.periodic for plane in model.planes)
        made = model.generate(
            model.tensor(np.zeros((1, model.n_latent))), model.tensor([[0.5, 0.5]])
        )
        assert made.shape == (1, 2, *SHAPE)
    section = blobs(1, (8, 10))[0]
    volume = generator.sample_volume(
        shape=SHAPE, periodic=False, sections={(0, 5): section}, random_state=0
    )[0]
    np.testing.assert_array_equal(volume[5], section)
    wide = generator._volume_model(SHAPE, True, {})
    cut = generator._volume_model(tuple(side - 4 for side in SHAPE), True, {})
    cut = dataclasses.replace(cut, margin=4, planes=wide.planes)
    latents, fractions = wide.tensor(np.random.default_rng(0).normal(size=(1, 480))), [[0.5, 0.5]]
    whole = wide.generate(latents, wide.tensor(fractions))
    part = cut.generate(latents, wide.tensor(fractions))
    np.testing.assert_array_equal(part, whole[:, :, :2, :4, :6])
