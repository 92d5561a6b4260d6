"""Benchmark results: one JSON file each, with the hardware, the versions and the date."""

import datetime
import json
import os
import platform
from pathlib import Path

import numpy
import scipy
import sklearn
import torch

import skmicro

RESULTS = Path(__file__).parent / "results"


def hardware():
    """Describe the machine: processor, cores, CUDA device."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "cuda": cuda,
    }


def write_results(name, payload):
    """Write ``payload`` to ``results/<name>.json`` and return the path."""
    modules = (skmicro, torch, sklearn, numpy, scipy)
    record = {
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
        "versions": {module.__name__: module.__version__ for module in modules},
        **payload,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path
