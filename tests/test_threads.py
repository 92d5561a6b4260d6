"""Threads of torch follow the processors that a process may use."""

import numpy as np
import pytest
import torch
from textures import cut_blobs

from skmicro import _threads
from skmicro.descriptors import BaseDescriptor
from skmicro.generators import FlowMatchingGenerator
from skmicro.training import run


@pytest.fixture(autouse=True)
def four_threads(monkeypatch):
    """Torch has four threads, as on import, and nobody has set how many."""
    before = torch.get_num_threads()
    for name in _threads.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_threads, "_at_import", 4)
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def within(monkeypatch, n_usable):
    monkeypatch.setattr(_threads, "n_usable", lambda: n_usable)
    with _threads.usable_threads():
        return torch.get_num_threads()


def test_threads_are_no_more_than_usable_processors_and_are_put_back(monkeypatch):
    assert within(monkeypatch, 2) == 2
    assert within(monkeypatch, 4) == within(monkeypatch, 64) == 4
    assert torch.get_num_threads() == 4
    monkeypatch.setattr(_threads, "n_usable", lambda: 1)
    with pytest.raises(KeyError), _threads.usable_threads():
        raise KeyError
    assert torch.get_num_threads() == 4


def test_what_the_user_has_set_is_left(monkeypatch):
    torch.set_num_threads(3)
    assert within(monkeypatch, 1) == 3
    torch.set_num_threads(4)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert within(monkeypatch, 1) == 4


class Threads(BaseDescriptor):
    """The number of threads that a descriptor is computed with."""

    name = "threads"

    def _describe(self, images):
        return images.new_full((len(images), 1), torch.get_num_threads())

    def _feature_names(self):
        return ["threads"]


def test_training_and_descriptors_follow(monkeypatch):
    monkeypatch.setattr(_threads, "n_usable", lambda: 2)
    X, seen = cut_blobs(4), []
    assert np.unique(Threads().fit_transform(X)) == 2
    FlowMatchingGenerator(
        width=4, n_iter=2, callbacks=[lambda *_: seen.append(torch.get_num_threads())]
    ).fit(X)
    assert seen == [2, 2]
    assert torch.get_num_threads() == 4


def test_an_error_in_training_puts_threads_back(monkeypatch):
    monkeypatch.setattr(_threads, "n_usable", lambda: 2)

    def step(batches, progress):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(step, None, 1)
    assert torch.get_num_threads() == 4
