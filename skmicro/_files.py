"""Files that are complete or not there at all.

What is being written lies beside its destination, under a name that ends in ``PART``, and is
locked by the process that writes it. Whoever writes next into the folder removes what is locked by
nobody: its process was killed.
"""

import errno
import io
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

from ._checks import check_path

try:
    import fcntl
except ImportError:  # Windows, which refuses to remove files that are open
    fcntl = None

PART = ".skmicro-part"


@contextmanager
def atomic_path(path):
    """Yield a temporary path in the folder of ``path`` that replaces it on success.

    A file that is replaced keeps its permissions, and of a symbolic link the target is replaced.
    Raises FileNotFoundError if there is no such folder, IsADirectoryError if the destination is a
    folder itself. An OSError of the block, such as that of a full disk, names ``path``.
    """
    path = _destination(path)
    if path.is_dir():
        raise IsADirectoryError(f"path must name a file, got folder {str(path)!r}.")
    with _part_of(path, _new_file) as part:
        yield part
        _flush(part)
        os.chmod(part, _permissions(path))
        os.replace(part, path)


@contextmanager
def atomic_folder(path):
    """Yield a temporary folder that becomes ``path``, new or an empty folder, on success.

    Raises FileExistsError if it is neither, else as :func:`atomic_path`.
    """
    path = _destination(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"path must be a new or empty folder, got {path}.")
    with _part_of(path, tempfile.mkdtemp) as part:
        folder = part / path.name
        folder.mkdir()
        yield folder
        for file in folder.iterdir():
            _flush(file)
        if path.exists():
            path.rmdir()
        os.replace(folder, path)


class PlainFile(io.BufferedRandom):
    """A new binary file that is written by Python alone.

    NumPy and others would write to its descriptor, and not say why that failed.
    """

    def __init__(self, path):
        super().__init__(io.FileIO(path, "w+"))

    def fileno(self):
        """Raise, as a file in memory does."""
        raise io.UnsupportedOperation("fileno")


def _destination(path):
    check_path("path", path)
    path = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path must lie in an existing folder, got {str(path)!r}.")
    return path


def _permissions(path):
    """Return the permissions of a file, or those of a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def _part_of(path, make):
    """Yield what lies beside ``path`` while it is written, and remove it at the end."""
    part = lock = None
    try:
        _remove_leftovers(path.parent)
        while lock is None:
            part = Path(make(prefix=f".{path.name}.", suffix=PART, dir=path.parent))
            lock = _locked(part)
        yield part
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error
    finally:
        if lock:
            os.close(lock)
        if part is not None:
            _remove(part)


def _new_file(**name):
    handle, path = tempfile.mkstemp(**name)
    os.close(handle)
    return path


def _locked(part):
    """Return a handle that keeps what is written locked, 0 without locks; None if it is gone."""
    if fcntl is None:
        return 0
    try:
        handle = os.open(part, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = not part.exists()
    except OSError as error:  # another process cleans up, or the file system has no locks
        gone = error.errno == errno.EWOULDBLOCK
    if gone:
        os.close(handle)
    return None if gone else handle


def _remove_leftovers(folder):
    """Remove what processes that were killed have left in a folder."""
    if fcntl is None:
        return
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.name.endswith(PART) and e.name.startswith(".")]
    for part in (Path(folder, name) for name in names):
        try:
            handle = os.open(part, os.O_RDONLY)
        except OSError:
            continue  # another process was faster, or it belongs to somebody else
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(part)
        except OSError:
            continue  # it is being written
        finally:
            os.close(handle)


def _remove(part):
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def _flush(path):
    """Wait until a file is on the disk, so that a full one says so before the old file goes."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
