"""Files that are complete or not there at all."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from ._checks import check_path


@contextmanager
def atomic_path(path):
    """Yield a temporary path in the folder of ``path`` that replaces it on success.

    Raises FileNotFoundError if there is no such folder, IsADirectoryError if the destination is a
    folder itself.
    """
    check_path("path", path)
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"path must name a file, got folder {str(path)!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path must lie in an existing folder, got {str(path)!r}.")
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        yield Path(temporary)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
