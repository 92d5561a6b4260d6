"""Settings of the whole test suite."""

import os

import pytest
import torch

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "gpu" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
        if "realdata" in item.keywords and "SKMICRO_DATA" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="SKMICRO_DATA names no folder of images"))
