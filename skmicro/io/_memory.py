"""How much memory the images of a file may take."""

from .._checks import check_real

FREE = 2**26
"""Bytes that the images of a file may take in any case."""


class Limit:
    """Bytes that the images of a file may take, at most ``max_expansion`` times those of the file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    max_expansion : float
        At least 1; infinite for no limit.
    """

    def __init__(self, path, max_expansion):
        self.max_expansion = max_expansion
        self.most = max(FREE, max_expansion * path.stat().st_size)

    def check(self, n_bytes):
        """Raise ValueError if the images of the file take more."""
        if n_bytes > self.most:
            raise ValueError(
                f"its images take {n_bytes} bytes, more than max_expansion={self.max_expansion:g} "
                "times those of the file; set it higher if the file is to be trusted."
            )


def check_expansion(max_expansion):
    """Raise unless ``max_expansion`` is a number of at least 1."""
    check_real("max_expansion", max_expansion, 1.0, finite=False)
