"""Ctrl-C in a training: a whole number of iterations, which the checkpoint asked for holds."""

import signal
import threading

import numpy as np
import pytest
import torch
from cases import case

from skmicro.exceptions import TrainingInterruptedWarning
from skmicro.generators import WGANGP, FlowMatchingGenerator
from skmicro.persistence import read_tree
from skmicro.regressors import CNNRegressor
from skmicro.training import loop, run, steps
from skmicro.training.interruption import interrupted_afterwards

RNG = np.random.default_rng(0)
X = RNG.integers(0, 2, (12, 8, 8))
Y = X.mean(axis=(1, 2))
SHARED = {"n_iter": 6, "batch_size": 4, "random_state": 0, "device": "cpu", "decay_from": 0.5}
GAN = {"width": 4, "n_latent": 2, "n_critic": 2, "average_decay": 0.9}
KINDS = {
    "WGANGP": lambda **s: WGANGP.light(**SHARED | GAN | s),
    "flow": lambda **s: FlowMatchingGenerator.light(**SHARED | {"width": 4} | s),
    "CNN": lambda **s: CNNRegressor(
        **SHARED | {"widths": (4, 4), "validation_fraction": 0.3, "n_iter_no_change": 100} | s
    ),
}
RARELY = {"checkpoint_every": 100}


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C raises, also where a shell has started this process in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def weights(estimator):
    network = getattr(estimator, "generator_", None) or estimator.network_
    return [value.numpy() for value in network.state_dict().values()]


def interrupted(make, X, y):
    with pytest.warns(TrainingInterruptedWarning, match="after 3 of 6 iterations"):
        return make.fit(X, y)


def assert_same_training(a, b):
    for got, wanted in zip(weights(a), weights(b), strict=True):
        np.testing.assert_array_equal(got, wanted)
    for name, losses in b.history_.items():
        np.testing.assert_array_equal(a.history_[name], losses)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_training_resumes_bit_for_bit(kind, tmp_path, monkeypatch):
    whole = KINDS[kind]().fit(X, Y)
    update, calls = steps.Player.update, []

    def at_a_callback(iteration, history):
        if iteration == 3:
            raise KeyboardInterrupt

    def within_an_update(self, loss):
        calls.append(loss)
        if len(calls) == middle:
            signal.raise_signal(signal.SIGINT)
        update(self, loss)

    path = tmp_path / "callback.skm"
    stopped = KINDS[kind](checkpoint=path, callbacks=[at_a_callback], **RARELY)
    with case("callback"):
        assert interrupted(stopped, X, Y).n_iter_ == 3
        assert_same_training(KINDS[kind](checkpoint=path).fit(X, Y), whole)

    middle = 8 if kind == "WGANGP" else 3  # of two updates of the critic and one of the generator
    monkeypatch.setattr(steps.Player, "update", within_an_update)
    path = tmp_path / "update.skm"
    with case("update"):
        interrupted(KINDS[kind](checkpoint=path, **RARELY), X, Y)
        assert_same_training(KINDS[kind](checkpoint=path).fit(X, Y), whole)


def test_half_an_iteration_is_not_kept(tmp_path, monkeypatch):
    update, calls = steps.Player.update, []

    def twice(self, loss):
        calls.append(loss)
        if len(calls) == 8:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        update(self, loss)

    path = tmp_path / "state.skm"
    whole = KINDS["WGANGP"]().fit(X)
    monkeypatch.setattr(steps.Player, "update", twice)
    with pytest.warns(TrainingInterruptedWarning, match="after 2 of 6 iterations"):
        KINDS["WGANGP"](checkpoint=path, checkpoint_every=1).fit(X)
    assert len(calls) == 8
    assert read_tree(path)["n_iter"] == 2
    assert_same_training(KINDS["WGANGP"](checkpoint=path).fit(X), whole)


def test_ctrl_c_is_handled_as_before_when_the_block_is_over():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    reached = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        with interrupted_afterwards():
            signal.raise_signal(signal.SIGINT)
            reached.append("end of the block")
        reached.append("after the block")
    assert reached == ["end of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(ZeroDivisionError), interrupted_afterwards():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_ones_own_and_other_threads_are_left_alone():
    noted = []
    before = signal.signal(signal.SIGINT, lambda *args: noted.append("own"))
    try:
        with interrupted_afterwards():
            signal.raise_signal(signal.SIGINT)
            assert noted == ["own"]
    finally:
        signal.signal(signal.SIGINT, before)

    def elsewhere():
        with interrupted_afterwards():
            noted.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert noted[1:] == [before]


class Free:
    """A step that costs nothing."""

    def __call__(self, batches, progress):
        return {"loss": torch.tensor(0.0)}


@pytest.mark.parametrize(
    ("n_iter", "every", "wanted"),
    [(10, None, range(1, 11)), (60, None, range(3, 61, 3)), (60, 25, [25, 50, 60])],
)
def test_checkpoints_are_as_frequent_as_the_training_is_short(monkeypatch, n_iter, every, wanted):
    written = []
    monkeypatch.setattr(loop, "read_checkpoint", lambda *args: None)
    monkeypatch.setattr(loop, "write_checkpoint", lambda *args: written.append(args[3].n_iter))
    run(Free(), None, n_iter, checkpoint="state.skm", checkpoint_every=every)
    assert written == list(wanted)


def test_a_long_training_loses_at_most_a_thousand_iterations(monkeypatch):
    written = []
    monkeypatch.setattr(loop, "read_checkpoint", lambda *args: None)
    monkeypatch.setattr(loop, "write_checkpoint", lambda *args: written.append(args[3].n_iter))
    stop = lambda iteration, history: iteration == 2500  # noqa: E731
    run(Free(), None, 100_000, checkpoint="state.skm", callbacks=[stop])
    assert written == [1000, 2000, 2500]
