"""Sections are those of the volume, and of the surface the nearest faces are seen."""

import numpy as np
import pytest
from cases import case
from scipy import sparse

from skmicro.generators import GaussianRandomField
from skmicro.plotting import VolumeDisplay
from skmicro.plotting._surface import AMBIENT, LIGHT, box_edges, view_of, visible_faces

VIEWS = [(25.0, 35.0), (25.0, -40.0), (-60.0, 100.0), (10.0, 200.0)]


@pytest.fixture(scope="module")
def volume():
    return np.random.default_rng(0).choice([0, 3, 7], (5, 6, 8))


def test_sections_meet_in_the_position(volume):
    for position, place in [(None, (2, 3, 4)), ((4, 0, 7), (4, 0, 7)), ([0, 5, 1], (0, 5, 1))]:
        display = VolumeDisplay(volume).plot(position=position)
        z, y, x = place
        expected = [volume[z], volume[:, y], volume[:, :, x]]
        for section, image in zip(display.sections_, expected, strict=True):
            np.testing.assert_array_equal(section.get_array(), image)
        titles = [ax.get_title() for ax in display.axes_]
        assert titles == [f"[{z}, :, :]", f"[:, {y}, :]", f"[:, :, {x}]", "phase 7"]


def test_views_are_orthonormal_with_the_first_axis_downwards():
    for view in map(view_of, *zip(*VIEWS, strict=True)):
        np.testing.assert_allclose(view @ view.T, np.eye(3), atol=1e-12)
        # In the order x, y, z, in which space is right-handed, so is the picture.
        assert np.linalg.det(view[:, ::-1]) == pytest.approx(1.0)
        assert view[0, 0] == 0
        assert view[1, 0] < 0
    for angles, towards in [((0, 0), (0, 1, 0)), ((90, 0), (-1, 0, 0)), ((0, 90), (0, 0, -1))]:
        np.testing.assert_allclose(view_of(*angles)[2], towards, atol=1e-12)
    np.testing.assert_allclose(view_of(0, 0)[:2], [[0, 0, 1], [-1, 0, 0]], atol=1e-12)


def area(corners):
    """Areas of quadrilaterals (n, 4, 2) by the cross product of their diagonals."""
    (a, b), (c, d) = (corners[:, 2] - corners[:, 0]).T, (corners[:, 3] - corners[:, 1]).T
    return np.abs(a * d - b * c) / 2


def test_faces_of_a_box_cover_its_outline_once():
    for view in map(view_of, *zip(*VIEWS, strict=True)):
        corners, brightness = visible_faces(np.ones((2, 3, 4), bool), view)
        assert len(corners) == 3 * 4 + 2 * 4 + 2 * 3
        assert area(corners).sum() == pytest.approx(np.abs(view[2]) @ [3 * 4, 2 * 4, 2 * 3])
        assert len(np.unique(brightness.round(9))) <= 3
        edges, hidden = box_edges((2, 3, 4), view)
        assert hidden.sum() == 3
        np.testing.assert_allclose(corners.min(axis=(0, 1)), edges.min(axis=(0, 1)))
        np.testing.assert_allclose(corners.max(axis=(0, 1)), edges.max(axis=(0, 1)))


def is_inside(corners, point):
    """Whether a point lies in each of convex quadrilaterals."""
    edges, to = np.roll(corners, -1, axis=1) - corners, point - corners
    turns = edges[..., 0] * to[..., 1] - edges[..., 1] * to[..., 0]
    return (turns > 0).all(axis=1) | (turns < 0).all(axis=1)


def first_voxel_on_ray(solid, view, point):
    """The first solid voxel that a ray meets, by small steps away from the beholder."""
    distances = np.arange(15.0, -15.0, -2e-3)
    places = np.floor(point @ view[:2] + distances[:, None] * view[2]).astype(int)
    inside = ((places >= 0) & (places < solid.shape)).all(axis=1)
    hits = places[inside][solid[tuple(places[inside].T)]]
    return hits[0] if len(hits) else None


def test_the_last_face_drawn_belongs_to_the_first_voxel_on_the_ray():
    rng = np.random.default_rng(1)
    solid = rng.random((5, 6, 7)) < 0.2
    n_hits = 0
    for view in map(view_of, *zip(*VIEWS, strict=True)):
        corners, _ = visible_faces(solid, view)
        middle = np.array(solid.shape) @ view[:2].T / 2
        for point in middle + rng.uniform(-3, 3, (25, 2)):
            drawn = np.flatnonzero(is_inside(corners, point))
            voxel = first_voxel_on_ray(solid, view, point)
            if voxel is None:
                assert drawn.size == 0
                continue
            n_hits += 1
            faces = (voxel + 0.5 + np.diag(np.sign(view[2])) / 2) @ view[:2].T
            drawn_last = corners[drawn[-1]].mean(axis=0)
            assert np.abs(faces - drawn_last).sum(axis=1).min() < 1e-9
    assert n_hits > 40


def test_a_ball_is_lit_like_a_ball():
    z, y, x = np.indices((21, 21, 21)) - 10
    view, radius = view_of(25.0, 35.0), 8.5
    corners, brightness = visible_faces(z**2 + y**2 + x**2 < radius**2, view)
    assert AMBIENT <= brightness.min() <= brightness.max() <= 1.0
    middle = np.full(3, 10.5) @ view[:2].T
    for place in np.random.default_rng(0).uniform(-5, 5, (50, 2)):
        drawn = np.flatnonzero(is_inside(corners, middle + place))
        normal = np.array([*place, np.sqrt(radius**2 - place @ place)]) / radius
        expected = AMBIENT + (1 - AMBIENT) * max(normal @ LIGHT, 0)
        assert brightness[drawn[-1]] == pytest.approx(expected, abs=0.12)


def n_faces(display):
    return len(display.surface_.get_paths())


def test_the_phase_of_the_surface(volume):
    view = view_of(25.0, 35.0)
    for phase in (None, 0, 3, 7):
        display = VolumeDisplay(volume).plot(phase=phase)
        solid = volume == (7 if phase is None else phase)
        assert n_faces(display) == len(visible_faces(solid, view)[0])
        assert display.axes_[3].get_title() == f"phase {7 if phase is None else phase}"
    absent = VolumeDisplay(np.zeros((3, 4, 5), dtype=bool)).plot()
    assert n_faces(absent) == 0
    assert n_faces(VolumeDisplay(volume == 3).plot()) == n_faces(
        VolumeDisplay(volume).plot(phase=3)
    )


def test_the_level_of_the_surface():
    grey = np.linspace(0.25, 0.75, 120).reshape(4, 5, 6)
    for level, enclosed in [(None, grey > 0.5), (0.7, grey > 0.7), (2.0, grey > 2.0)]:
        display = VolumeDisplay(grey).plot(level=level)
        assert n_faces(display) == len(visible_faces(enclosed, view_of(25.0, 35.0))[0])
    assert display.axes_[3].get_title() == "grey level > 2"


def test_a_generated_volume():
    X = np.random.default_rng(0).integers(0, 2, (4, 6, 6, 6))
    generator = GaussianRandomField().fit(X)
    targets = {"p1": 0.53, "exact": True}
    display = VolumeDisplay.from_estimator(generator, targets=targets, random_state=3, phase=0)
    expected = generator.sample(1, random_state=3, **targets)[0]
    np.testing.assert_array_equal(display.volume, expected)
    np.testing.assert_array_equal(display.sections_[0].get_array(), expected[3])
    assert display.axes_[3].get_title() == "phase 0"
    with pytest.raises(TypeError, match="targets must be a dictionary of values by name, got 3"):
        VolumeDisplay.from_estimator(generator, targets=3)


def test_images_are_no_volumes():
    generator = GaussianRandomField().fit(np.random.default_rng(0).integers(0, 2, (4, 6, 6)))
    with pytest.raises(ValueError, match=r"generator must generate volumes, .* \(6, 6\)"):
        VolumeDisplay.from_estimator(generator)


def test_what_cannot_be_drawn_is_named(volume):
    grey = volume + 0.5
    wrong = [
        (volume[0], {}, r"volume must have shape \(D, H, W\), got \(6, 8\)"),
        (volume[None], {}, r"got \(1, 5, 6, 8\); volume\[0\] is one of a stack"),
        (volume[None, None], {}, r"volume must have shape .*, got \(1, 1, 5, 6, 8\)\."),
        (volume[:0], {}, r"volume must have voxels, got shape \(0, 6, 8\)"),
        (None, {}, "volume must hold numbers, got NoneType"),
        (sparse.eye(3), {}, "volume must hold numbers, got dia_matrix"),
        (volume, {"position": (1, 2)}, "position must hold three integers, got"),
        (volume, {"position": (5, 2, 2)}, r"position\[0\] must be < 5, got 5"),
        (volume, {"position": (0, -1, 2)}, r"position\[1\] must be >= 0, got -1"),
        (volume, {"position": 3}, "position must be a list, tuple or array of one axis, got 3"),
        (volume, {"phase": 5}, r"phase must be one of the labels \[0, 3, 7\], got 5"),
        (volume, {"level": 0.5}, "level must be None for labels of phases, got 0.5"),
        (grey, {"phase": 3}, "phase must be None for grey levels, got 3"),
        (grey, {"level": np.nan}, "level must lie in .* got nan"),
        (volume, {"view": (91, 0)}, r"view\[0\] must lie in \[-90, 90\], got 91"),
        (volume, {"view": (1, 2, 3)}, "view must be a pair"),
        (volume, {"color": "no colour"}, "color must be a colour of matplotlib, got 'no colour'"),
    ]
    for values, options, message in wrong:
        with case(message), pytest.raises((ValueError, TypeError), match=message):
            VolumeDisplay(values).plot(**options)
    with pytest.raises(ValueError, match=r"volume must hold labels of phases, \[0, 3\], got \[7\]"):
        VolumeDisplay(volume, phases=[0, 3]).plot()
