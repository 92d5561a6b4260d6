"""Loops over cases within a test, which say where they failed."""

from contextlib import contextmanager


@contextmanager
def case(*names):
    """Add the names of a case to the error that it raises."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"In the case {', '.join(map(repr, names))}.")
        raise
