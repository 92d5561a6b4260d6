"""Settings of all tests, those in docstrings included."""

import gc
import sys
from importlib.util import find_spec

import pytest

IGNORED = (
    "ImageShapeWarning",
    # The suite of scikit-learn has grey levels of all sizes, and images of noise.
    "GreyLevelWarning",
    "EstimateWarning",
    # Networks trained for a few iterations miss their targets, and say so.
    "TargetWarning",
    "ThresholdWarning",
)


def pytest_configure(config):
    # The process that only hands out tests is spared the seconds of these imports.
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        gc.disable()
        import torch

        torch.set_num_threads(1)
        for name in IGNORED:
            config.addinivalue_line("filterwarnings", f"ignore::skmicro.exceptions.{name}")


def pytest_collection_modifyitems(items):
    """Leave out what tests of all classes ask of the one that needs a package of its own."""
    if find_spec("gudhi") is None:
        without = pytest.mark.skip(reason="gudhi is optional")
        for item in items:
            if "PersistentHomology" in item.name:
                item.add_marker(without)


def pytest_collection_finish(session):
    """Spare the garbage collector what lives as long as the tests."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def figures_closed():
    """Close the figures that a test or an example has opened."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
