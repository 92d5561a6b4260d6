"""Reports of tests take fewer divisions: p-values are multiples of 1/100."""

import pytest

from skmicro.evaluation import _ruler


@pytest.fixture(autouse=True)
def few_divisions(monkeypatch):
    """Divide images 200 times where evaluate does so 1,000 times."""
    monkeypatch.setattr(_ruler, "N_DIVISIONS", 200)
    monkeypatch.setattr(_ruler, "N_SPLITS", 50)
