"""A training that is going to take more than an hour says so early, once."""

import itertools
import warnings

import numpy as np
import pytest
import torch

from skmicro.exceptions import LongTrainingWarning
from skmicro.training import pace
from skmicro.training.loop import run


class Step:
    """An iteration whose loss is zero."""

    def __call__(self, batches, progress):
        return {"loss": torch.zeros(())}


def messages(monkeypatch, seconds, n_iter, n_run):
    """Warnings of the first iterations of a training, whose clock goes on in equal steps."""
    ticks = itertools.count(0.0, seconds)
    monkeypatch.setattr(pace, "perf_counter", lambda: next(ticks))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(Step(), None, n_iter, callbacks=[lambda k, history: k == n_run], name="InvNet")
    assert {each.category for each in caught} <= {LongTrainingWarning}
    return [str(each.message) for each in caught]


def test_a_training_of_hours_is_announced_once(monkeypatch):
    (text,) = messages(monkeypatch, 4.0, n_iter=2000, n_run=40)
    assert "Training InvNet for another 1996 iterations takes 2.2 hours, at 4 seconds each" in text


@pytest.mark.parametrize("seconds", [0.5, 2.0, 30.0])
def test_the_limit_is_an_hour(monkeypatch, seconds):
    # The pace is known after three iterations and ten seconds; what is left then counts.
    known = 1 + max(3, int(np.ceil(10.0 / seconds)))
    longest = known + int(3600 / seconds)
    assert messages(monkeypatch, seconds, longest, known + 1) == []
    assert len(messages(monkeypatch, seconds, longest + 1, known + 1)) == 1


def test_the_bar_names_what_is_trained(capsys):
    run(Step(), None, 3, verbose=1, name="InvNetGenerator")
    assert "InvNetGenerator: 100%" in capsys.readouterr().err
