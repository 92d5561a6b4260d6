"""A failed call leaves an estimator as it was."""

from contextlib import contextmanager


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator its old attributes back when the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
