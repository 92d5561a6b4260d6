"""Regressors that others are made of: what reaches the last of them, and what it is set to."""

import inspect

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from ..images import ImageEstimator


def fit_arguments(regressor, **arguments):
    """Return those of some arguments that the ``fit`` of a regressor takes, by its names for them.

    In a pipeline and behind transformed targets it is the last regressor that takes them.
    """
    if isinstance(regressor, Pipeline):
        step, last = regressor.steps[-1]
        inner = fit_arguments(last, **arguments)
        return {f"{step}__{key}": value for key, value in inner.items()}
    if isinstance(regressor, TransformedTargetRegressor):
        inner = LinearRegression() if regressor.regressor is None else regressor.regressor
        return fit_arguments(inner, **arguments)
    return {name: value for name, value in arguments.items() if has_fit_parameter(regressor, name)}


def check_takes_weights(regressor):
    """Raise ValueError unless a regressor takes ``sample_weight`` in ``fit``."""
    if not fit_arguments(regressor, sample_weight=None):
        raise ValueError(
            "regressor must take sample_weight in fit with a synthetic_weight other than 1, got "
            f"{regressor!r}."
        )


def check_tells_deviations(regressor, where="selection='uncertainty'"):
    """Raise ValueError unless ``predict`` of a regressor takes ``return_std``."""
    last = regressor
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if "return_std" not in inspect.signature(last.predict).parameters:
        raise ValueError(
            f"regressor must have a predict that takes return_std with {where}, got {regressor!r}."
        )


def check_inner_parameters(regressor):
    """Raise where a regressor, or one of its parts, has a parameter that its ``fit`` refuses.

    Only estimators of this library are asked.
    """
    for part in (regressor, *_parameters(regressor).values()):
        if isinstance(part, ImageEstimator):
            part._check_parameters()


def without_checkpoints(regressor):
    """Return a clone of a regressor that neither reads nor writes checkpoints."""
    regressor = clone(regressor)
    names = [name for name in _parameters(regressor) if name.split("__")[-1] == "checkpoint"]
    return regressor.set_params(**dict.fromkeys(names))


def _parameters(regressor):
    return regressor.get_params(deep=True) if hasattr(regressor, "get_params") else {}
