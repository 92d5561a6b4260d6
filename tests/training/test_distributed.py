"""Several processes train as one does: the same weights and losses, to rounding."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from several_processes import ROWS, X, arrays, checkpointed, trainings

from skmicro.training import distributed, is_first, n_processes

SCRIPT = Path(__file__).with_name("several_processes.py")


@pytest.fixture(scope="module")
def on_two(tmp_path_factory):
    """The folder of two processes, their exit statuses and errors, started as torchrun does."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)],
            env=os.environ | address | {"RANK": str(k), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for k in range(2)
    ]
    second, first = (process.communicate(timeout=300)[1] for process in reversed(processes))
    return folder, [process.returncode for process in processes], [first, second]


@pytest.fixture(scope="module")
def states(on_two):
    """Weights and losses of both processes."""
    folder, _, errors = on_two
    assert (folder / "second.npz").exists(), errors
    return [dict(np.load(folder / f"{rank}.npz")) for rank in ("first", "second")]


def test_both_processes_hold_the_same_weights(states):
    first, second = states
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values, err_msg=name)


def test_two_processes_train_as_one_does(states):
    ROWS.clear()
    alone = arrays(trainings())
    first = states[0]
    assert {name for name in first if not name.startswith(("unseeded", "rows"))} == alone.keys()
    for name, values in alone.items():
        # Losses are kept in single precision. Biases before a normalisation have no gradient but
        # rounding, which Adam scales to the size of a step.
        tolerance = 1e-6 if values.dtype == np.float32 else 1e-8
        np.testing.assert_allclose(
            first[name], values, rtol=tolerance, atol=tolerance, err_msg=name
        )
    # Each of the two has computed half of the rows.
    np.testing.assert_array_equal(2 * first["rows"], ROWS)


def test_what_differs_between_processes_is_refused(on_two):
    for errors in on_two[2]:
        assert "X must be the same on all processes, got [" in errors
        assert "learning_rate must be the same on all processes, got ['0.001', '0.002']" in errors
        assert errors.count("y must be the same on all processes, got [") == 2


def test_a_fit_that_fails_on_one_process_fails_on_the_other(on_two):
    first, second = on_two[2]
    # A generator's, and one that has a generator and a regressor.
    assert second.count("does not support unknown voxels (masked or NaN)") == 2
    assert first.count("Another process has failed in this fit") == 2
    # Both train together what comes next.
    for errors in (first, second):
        assert errors.count("\ntrained\n") == 1
        assert errors.index("\ntrained\n") > errors.rindex("y must be the same")


def test_a_process_that_dies_ends_the_other_and_the_checkpoint_goes_on(on_two):
    folder, statuses, _ = on_two
    assert statuses[1] == 9
    assert statuses[0] not in (0, 9)
    seen = []
    callbacks = [lambda iteration, history: seen.append(iteration)]
    resumed = checkpointed(folder, callbacks=callbacks).fit(X)
    assert seen[0] > 1
    assert seen[-1] == 6
    whole = arrays({"": checkpointed(folder, checkpoint=None).fit(X)})
    for name, values in arrays({"": resumed}).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shared_normalisation_is_that_of_torch(dtype):
    alone, shared = torch.nn.BatchNorm3d(3), torch.nn.BatchNorm3d(3)
    numbers = torch.Generator().manual_seed(0)
    x = (2 * torch.randn(4, 3, 5, 5, 5, generator=numbers) + 1).to(dtype)
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        sharing = distributed._Sharing()
        sharing.shared = True
        made, expected = sharing.normalisation(shared)(x), alone(x)
    finally:
        torch.distributed.destroy_process_group()
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(shared, name), getattr(alone, name))


def test_one_process_trains_alone(monkeypatch):
    assert n_processes() == 1
    assert is_first()
    # Several are launched with an address of the first.
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    assert n_processes() == 1
