"""scikit-learn's own suite, on every public estimator, with no expected failures."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from tiny import ESTIMATORS, tiny


@parametrize_with_checks([tiny(cls) for cls in ESTIMATORS])
@pytest.mark.filterwarnings("ignore::skmicro.exceptions.ImageShapeWarning")
def test_scikit_learn_checks(estimator, check):
    """Every check raises by itself."""
    check(estimator)
