"""Checkouts of the project that compute side by side, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import skmicro


class Build:
    """A checkout in which a script answers requests, lines of JSON, until its input ends."""

    def __init__(self, checkout, script, *arguments):
        environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, script, *map(str, arguments)]
        self.process = subprocess.Popen(command, env=environment, **pipes)

    def ask(self, request):
        """Return the answer to a request."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


@contextmanager
def builds_of(script, generator, baseline):
    """Save a trained generator, and start a process of ``script --serve FILE`` in each checkout.

    Gives a folder for what they write, and the builds by name: ``"this"``, and ``"baseline"`` if
    there is a path of an older checkout.
    """
    checkouts = {"this": Path(skmicro.__file__).parents[1]}
    if baseline:
        checkouts["baseline"] = baseline.resolve()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as processes:
        path = Path(folder) / "generator.skm"
        generator.save(path)
        yield (
            folder,
            {
                name: processes.enter_context(closing(Build(checkout, script, "--serve", path)))
                for name, checkout in checkouts.items()
            },
        )
