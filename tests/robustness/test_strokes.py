"""Trainings that are killed or interrupted anywhere: what was written or known before is kept."""

import os
import pickle
import signal
import warnings

import numpy as np
import pytest
import torch
from cases import case
from mutator import seeds
from strokes import at_call

from skmicro.exceptions import TrainingInterruptedWarning
from skmicro.generators import VAE

IMAGES = np.random.default_rng(0).integers(0, 2, (8, 8, 8))
SETTINGS = {
    "n_iter": 4, "batch_size": 4, "width": 4, "n_latent": 2, "random_state": 0, "device": "cpu",
    "precision": "float32",
}  # fmt: skip
FEW, MANY = 3, 300
"""Trials in the default suite, and in the slow one."""


@pytest.fixture(autouse=True)
def _one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def n_trials(first_of_many=10**6):
    return pytest.mark.parametrize(
        ("first", "n"), [(0, FEW), pytest.param(first_of_many, MANY, marks=pytest.mark.slow)]
    )


def state_of(generator):
    """Return all of a fitted generator as bytes."""
    return pickle.dumps(generator)


def weights_of(generator):
    return [value.numpy() for value in generator.generator_.state_dict().values()]


def n_calls(action):
    with at_call(0, None) as calls:
        action()
    return calls[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
@n_trials()
def test_killed_trainings_resume_bit_for_bit(tmp_path, first, n):
    whole = weights_of(VAE.light(**SETTINGS).fit(IMAGES))

    def training(path):
        return VAE.light(**SETTINGS, checkpoint=str(path), checkpoint_every=1)

    last = n_calls(lambda: training(tmp_path / "counted.skm").fit(IMAGES))
    for seed, rng in seeds(first, n):
        path, place = tmp_path / f"{seed}.skm", int(rng.integers(1, last))
        process = os.fork()
        if process == 0:
            with at_call(place, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                training(path).fit(IMAGES)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        with case((seed, place)):
            assert os.WTERMSIG(status) == signal.SIGKILL
            resumed = weights_of(training(path).fit(IMAGES))
            for got, wanted in zip(resumed, whole, strict=True):
                np.testing.assert_array_equal(got, wanted)


@n_trials()
def test_interrupts_leave_what_was_known_or_what_was_reached(first, n):
    generator = VAE.light(**SETTINGS | {"n_iter": 1}).fit(IMAGES)
    before = state_of(generator)

    def refit(model):
        return model.set_params(n_iter=3).fit(IMAGES[::-1])

    counted = pickle.loads(before)
    last = n_calls(lambda: refit(counted))

    def interrupt():
        raise KeyboardInterrupt

    for seed, rng in seeds(first, n):
        place, model = int(rng.integers(1, last)), pickle.loads(before)
        known = state_of(model.set_params(n_iter=3))
        with case((seed, place)), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                with at_call(place, interrupt):
                    refit(model)
            except KeyboardInterrupt:
                assert state_of(model) == known
            else:
                assert any(w.category is TrainingInterruptedWarning for w in caught)
                assert model.n_iter_ <= 3
            assert model.sample(2, random_state=0).shape == (2, 8, 8)
