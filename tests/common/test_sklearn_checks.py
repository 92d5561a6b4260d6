"""scikit-learn's own suite, on every public estimator, with no expected failures."""

import pytest
from sklearn.utils.estimator_checks import check_estimator
from tiny import ESTIMATORS, REGRESSORS, of_each_kind, tiny

from skmicro.properties import EffectiveConductivity, ElasticStiffness
from skmicro.random_fields import _level_cut

# The suite asks how estimators behave, not what they learn or solve.
SHORT = {"n_iter": 1, "n_steps": 1, "rtol": 0.3}
# A weight of 2 is the same as twice the image where every iteration takes all images.
ALL_AT_ONCE = {
    "batch_size": 64,
    "validation_fraction": 0.0,
    "periodic": False,
    "precision": "float64",
}
ONE_LOAD = {ElasticStiffness: {"outputs": ("C11",)}, EffectiveConductivity: {"outputs": ("k11",)}}


@pytest.fixture
def coarse_tables(monkeypatch):
    """Let Gaussian fields of many phases tabulate their correlations roughly."""
    monkeypatch.setattr(_level_cut, "LOG2_DRAWS", 6)
    monkeypatch.setattr(_level_cut, "N_TABLE", 17)


@of_each_kind
@pytest.mark.usefixtures("short_searches", "coarse_tables")
@pytest.mark.filterwarnings("ignore::skmicro.exceptions.ImageShapeWarning")
@pytest.mark.parametrize("cls", ESTIMATORS + REGRESSORS)
def test_scikit_learn_checks(cls):
    """Every check raises by itself; only one waits for a setting of the environment."""
    settings = SHORT | ALL_AT_ONCE if cls in REGRESSORS else SHORT
    settings = settings | ONE_LOAD.get(cls, {})
    short = {name: value for name, value in settings.items() if name in cls._get_param_names()}
    results = check_estimator(tiny(cls, **short), on_skip=None)
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
