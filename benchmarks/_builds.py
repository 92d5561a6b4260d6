"""Checkouts of the project that compute side by side, each in a process of its own."""

import json
import os
import subprocess
import sys


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
