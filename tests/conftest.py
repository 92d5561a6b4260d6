"""Settings of the whole test suite."""

import os
from collections import defaultdict

import pytest

# Enough to pass every line of the searches, not to find anything.
SHORT_SEARCH = {"N_CANDIDATES": 2, "SEARCH_ROUNDS": 2, "SEARCH_STEPS": 2, "INVERSION_STEPS": 2}


def pytest_configure(config):
    """Let workers that share the processors compute with one thread each."""
    if hasattr(config, "workerinput"):
        import torch

        torch.set_num_threads(1)


@pytest.fixture
def short_searches(monkeypatch):
    """Let generators without a way back take two steps where they look for latents."""
    from skmicro.conditioning import _search

    for name, value in SHORT_SEARCH.items():
        monkeypatch.setattr(_search, name, value)


def is_left_to_slow_tests(item):
    """Tell whether an item is a case that its mark ``representatives`` does not name.

    Only tests with parameters have cases. The mark next to a test counts, not that of its module.
    """
    mark = item.get_closest_marker("representatives")
    case = getattr(item, "callspec", None)
    if mark is None or case is None:
        return False
    # Numbers and names within an identifier stand between hyphens.
    return case.id not in mark.args and not set(case.id.split("-")) & set(mark.args)


def check_representatives(items):
    """Refuse marks of representatives that leave no case of a test to the default run."""
    cases = defaultdict(list)
    for item in items:
        if item.get_closest_marker("representatives") and hasattr(item, "callspec"):
            cases[item.nodeid.split("[")[0]].append(is_left_to_slow_tests(item))
    without = [test for test, slow in cases.items() if all(slow)]
    if without:
        raise pytest.UsageError(f"representatives must name a case, got none of {without}.")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    import torch

    if not any("::" in argument for argument in config.args):
        check_representatives(items)
    for item in items:
        if is_left_to_slow_tests(item):
            item.add_marker(pytest.mark.slow)
        if "gpu" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
        if "realdata" in item.keywords and "SKMICRO_DATA" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="SKMICRO_DATA names no folder of images"))
