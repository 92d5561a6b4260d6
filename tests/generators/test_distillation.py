"""Students of flows: nearly the flow's images from the same noise, in one evaluation."""

import copy
import pickle
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from textures import cut_blobs as blobs
from tiny_flows import TINY, randomised

import skmicro
from skmicro.conditioning import _design
from skmicro.descriptors import SpecificSurface
from skmicro.exceptions import DivergenceError
from skmicro.flows import _inpainting, _model
from skmicro.generators import FlowMatchingGenerator, _distillation
from skmicro.networks import flow_unet
from skmicro.networks._unet import PhaseUNet
from skmicro.training import search

QUICK = {"n_pairs": 6, "n_iter": 2}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Fewer evaluations of networks, whose batches are filled up."""
    monkeypatch.setattr(_inpainting, "N_STEPS", 2)
    monkeypatch.setattr(_inpainting, "N_ROUNDS", 2)
    monkeypatch.setattr(_model, "BATCH_SIZE", 4)
    monkeypatch.setattr(_distillation, "TEACHER_STEPS", 2)


@cache
def pair():
    """Return a flow and its student, pickled."""
    flow = randomised()
    return pickle.dumps((flow, flow.distill(**QUICK)))


@pytest.fixture
def evaluated(monkeypatch):
    """Networks that were asked for evidence, each time."""
    asked, evidence = [], PhaseUNet.evidence

    def noting(network, *given):
        asked.append(network)
        return evidence(network, *given)

    monkeypatch.setattr(PhaseUNet, "evidence", noting)
    return asked


@pytest.mark.slow
def test_a_student_learns_the_map_of_the_flow():
    flow = randomised(n_steps=2, target_tol=np.inf, restart_time=None)
    wanted = flow.sample(12, p1=0.5, random_state=7)
    student = flow.distill(n_pairs=16, n_iter=40)
    losses = student.history_["distillation"]
    assert losses[-10:].mean() < 0.95 * losses[:10].mean()
    untrained = copy.copy(student)
    untrained.student_ = student.generator_
    made = [g.sample(12, p1=0.5, random_state=7) for g in (untrained, student)]
    before, after = ((images != wanted).mean() for images in made)
    assert after < before


@pytest.mark.representatives("2")
@pytest.mark.parametrize("n_evaluations", [1, 2, 3])
def test_images_need_the_student_alone_so_many_times(n_evaluations, evaluated):
    student = randomised().distill(n_evaluations, **QUICK).set_params(target_tol=0.001)
    for options in ({}, {"exact": True}):
        evaluated.clear()
        student.sample(4, p1=0.5, random_state=0, **options)
        assert evaluated == [student.student_] * n_evaluations
    student.set_params(n_steps=5, method="heun")
    evaluated.clear()
    student.inverse_transform(np.zeros((1, 257), np.float32))
    assert evaluated == [student.student_] * n_evaluations


def test_pairs_are_noise_and_what_the_flow_makes_of_it_with_more_steps(monkeypatch):
    flow, seen = randomised(n_steps=1, method="euler", symmetries=()), []

    def noting(evidence, noise, ends, conditions):
        seen.append((noise, ends, conditions))
        return evidence(noise, conditions).mean()

    monkeypatch.setattr("skmicro.training.distillation.distillation_loss", noting)
    flow.distill(n_pairs=4, n_iter=1)
    noise, ends, conditions = seen[0]
    rows = np.hstack([noise.flatten(1).numpy(), conditions.numpy()])
    flow.set_params(n_steps=2, method="midpoint", restart_time=None)
    images = flow.inverse_transform(rows)
    np.testing.assert_array_equal(ends[:, 0].numpy() > 0, images == images.max())
    assert set(conditions[:, 0].tolist()) <= set(flow.conditions_.rows[:, 0].tolist())
    assert 0.8 < noise.std() < 1.2


def test_what_no_student_learned_is_asked_of_the_flow():
    flow, student = pickle.loads(pair())
    X, mask = blobs(3), np.zeros((16, 16), bool)
    mask[3:8, 2:9] = True
    np.testing.assert_array_equal(student.transform(X), flow.transform(X))
    for generator in (flow, student):
        generator.filled = generator.inpaint(X, mask, random_state=0)
    np.testing.assert_array_equal(student.filled, flow.filled)


def test_the_flow_stays_as_it_is_and_students_are_reproducible():
    flow, student = pickle.loads(pair())
    again = flow.distill(**QUICK)
    assert not hasattr(flow, "student_")
    assert "distillation" not in flow.history_
    np.testing.assert_array_equal(student.history_["distillation"], again.history_["distillation"])
    images = [g.sample(3, random_state=0) for g in (student, again, again.distill(**QUICK))]
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])


def test_students_are_kept_by_files_pickles_and_copies(tmp_path):
    _, student = pickle.loads(pair())
    student.save(tmp_path / "student.skm")
    images = student.sample(3, p1=0.5, exact=True, random_state=0)
    for other in (skmicro.load(tmp_path / "student.skm"), copy.deepcopy(student)):
        assert other.n_evaluations_ == 1
        np.testing.assert_array_equal(other.sample(3, p1=0.5, exact=True, random_state=0), images)


def test_rolled_noise_gives_the_rolled_image_of_any_size():
    _, student = pickle.loads(pair())
    noise = np.random.default_rng(0).standard_normal((1, 16, 16)).astype(np.float32)
    images = [
        student.inverse_transform(np.append(x.ravel(), np.float32(0.5))[None])[0]
        for x in (noise, np.roll(noise, (8, 8), (1, 2)))
    ]
    np.testing.assert_array_equal(images[1], np.roll(images[0], (8, 8), (0, 1)))
    for shape, periodic in (((20, 28), None), ((16, 9), False)):
        large = student.sample(2, shape=shape, periodic=periodic, p1=0.5, exact=True)
        assert large.shape == (2, *shape)
        assert (large == large.max()).mean() == pytest.approx(0.5, abs=0.5 / large[0].size)


@pytest.mark.parametrize(("shape", "n_phases"), [((16, 16), 3), ((8, 6, 8), 2), ((8, 8, 8), 3)])
def test_any_phases_and_dimensions(shape, n_phases):
    X = blobs(6, shape, n_phases)
    student = randomised(X, conditions=("phase_fractions",)).distill(**QUICK)
    wanted = np.full(n_phases, 1 / n_phases)
    images = student.sample(2, phase_fractions=wanted, exact=True, random_state=0)
    assert images.shape == (2, *shape)
    made = [(images == phase).mean() for phase in np.unique(X)]
    np.testing.assert_allclose(made, wanted, atol=1 / np.prod(shape))


def test_flat_rows_and_windows():
    X = blobs(6)
    flat = randomised(X.reshape(6, -1), periodic=False).distill(**QUICK)
    assert flat.sample(2).shape == (2, 256)
    windows = randomised(X, periodic=None, crop_shape=(8, 8)).distill(**QUICK)
    assert windows.sample(2).shape == (2, 8, 8)


def test_designs_of_a_student_are_told_once_more_by_the_flow(evaluated, monkeypatch):
    monkeypatch.setattr(search, "BATCH_SIZE", 2)
    monkeypatch.setattr(_design, "SEARCH_STEPS", 2)
    _, student = pickle.loads(pair())
    surface = SpecificSurface(periodic=True)
    for time in (0.5, None):
        student.set_params(restart_time=time)
        evaluated.clear()
        student.design(surface, {"specific_surface": "min"}, 1, random_state=0, p1=0.5)
        networks = [student.student_] + [student.generator_] * (time is not None)
        assert evaluated == networks * (len(evaluated) // len(networks))


@pytest.mark.representatives("fine_tune")
@pytest.mark.parametrize("further", ["fit", "partial_fit", "fine_tune"])
def test_further_training_forgets_the_student(further):
    _, student = pickle.loads(pair())
    options = {"n_iter": 1} if further == "fine_tune" else {}
    getattr(student, further)(blobs(), **options)
    assert not hasattr(student, "student_")
    assert not hasattr(student, "n_evaluations_")
    assert "distillation" not in student.history_
    student.sample(1)


def test_failed_training_leaves_the_student():
    _, student = pickle.loads(pair())
    before = student.sample(2, random_state=0)
    with pytest.raises(ValueError, match="X must hold images of shape"):
        student.partial_fit(blobs(4, (8, 8)))
    np.testing.assert_array_equal(student.sample(2, random_state=0), before)


def test_guided_flows_teach_what_they_do(evaluated):
    flow = randomised(p_drop=0.2).set_params(guidance=2.0)
    student = flow.distill(**QUICK)
    evaluated.clear()
    student.sample(1, random_state=0)
    assert evaluated == [student.student_]


def test_refusals(monkeypatch):
    with pytest.raises(NotFittedError):
        FlowMatchingGenerator().distill()
    flow, _ = pickle.loads(pair())
    for name in ("n_evaluations", "n_pairs", "n_iter"):
        with pytest.raises(ValueError, match=f"{name} must be >= 1, got 0"):
            flow.distill(**{name: 0})
    X = (0.8 * blobs() + 0.2 * np.random.default_rng(0).random(blobs().shape)).astype(np.float32)
    with pytest.raises(ValueError, match="distill needs images of phases"):
        FlowMatchingGenerator(**TINY).fit(X).distill()
    loss = "skmicro.training.distillation.distillation_loss"
    monkeypatch.setattr(loss, lambda evidence, z, x, c: torch.nan * evidence(z, c).mean())
    before = dict(vars(flow))
    with pytest.raises(DivergenceError):
        flow.distill(**QUICK)
    assert vars(flow) == before


def test_network_is_that_of_the_flow():
    _, student = pickle.loads(pair())
    kinds = {type(student.generator_), type(student.student_)}
    assert kinds == {type(flow_unet([], 1, (16, 16), phases=True))}
    assert not any(weights.requires_grad for weights in student.student_.parameters())
