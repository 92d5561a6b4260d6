"""Processes forked after torch has used threads compute, with one thread, and say so."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing, sys, warnings
import numpy as np, torch
torch.set_num_threads(2)
from skmicro.exceptions import ForkWarning
from skmicro.generators import VAE

X = np.random.default_rng(0).integers(0, 2, (8, 16, 16))
tiny = {"width": 8, "n_latent": 4, "batch_size": 8}
settings = {"n_iter": 1, "random_state": 0, "device": "cpu", **tiny}
generator = VAE.light(**settings).fit(X)
images = generator.sample(4, random_state=0)

def child(pipe):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same = (generator.sample(4, random_state=0) == images).mean()
        again = VAE.light(**settings).fit(X).sample(4, random_state=0)
    kinds = [w.category for w in caught]
    pipe.send((same, kinds.count(ForkWarning), again.shape))

here, there = multiprocessing.Pipe()
process = multiprocessing.get_context("fork").Process(target=child, args=(there,), daemon=True)
process.start()
if not here.poll(150):
    process.kill()
    sys.exit("the forked process hangs")
same, n_warnings, shape = here.recv()
assert same > 0.99, same
assert n_warnings == 1, n_warnings
assert shape == (4, 16, 16)
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_process_does_not_hang():
    # Threads that wait without rest take the cores from each other.
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
