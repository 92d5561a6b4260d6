"""What is written is complete or not there, whatever ends the writing."""

import errno
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from cases import case

import skmicro
from skmicro._files import PART, atomic_folder, atomic_path
from skmicro.descriptors import VolumeFraction
from skmicro.generators import WGANGP
from skmicro.persistence import read_tree, write_tree

IMAGES = np.eye(8, dtype=int)[None].repeat(4, axis=0)
LARGE = np.zeros(100_000)

KILLED = """
import os, sys, types

sys.modules["skmicro"] = package = types.ModuleType("skmicro")  # without all that it imports
package.__path__ = [sys.argv[3]]
from skmicro._files import atomic_folder, atomic_path

make = atomic_folder if sys.argv[1] == "folder" else atomic_path
with make(sys.argv[2]) as part:
    (part / "half" if part.is_dir() else part).write_bytes(b"half")
    os._exit(1)
"""

limited = pytest.mark.skipif(os.name != "posix", reason="limits and locks are those of POSIX")


@pytest.fixture
def short_files():
    """No file becomes longer than 50 kB, which is what a full disk looks like to a writer."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@limited
def test_a_full_disk_is_named_by_models(tmp_path, short_files):
    path = tmp_path / "model.skm"
    model = VolumeFraction().fit(IMAGES)
    model.save(path)
    model.notes_ = LARGE
    with pytest.raises(OSError, match=f"File too large: '{path}'") as caught:
        model.save(path)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert os.listdir(tmp_path) == [path.name]
    assert not hasattr(skmicro.load(path), "notes_")


@limited
def test_a_full_disk_is_named_by_checkpoints(tmp_path, short_files):
    path = tmp_path / "training.skm"
    write_tree(path, {"old": 1})
    settings = {"n_iter": 1, "n_critic": 1, "batch_size": 2, "width": 8, "device": "cpu"}
    large = WGANGP.light(**settings, checkpoint=path, random_state=0)
    path.unlink()
    with pytest.raises(OSError, match=f"File too large: '{path}'") as caught:
        large.fit(IMAGES)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert os.listdir(tmp_path) == []
    assert not hasattr(large, "generator_")


@limited
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_kill_leaves_is_removed_by_the_next_save(tmp_path, kind):
    for name in ("a.skm", "b.skm"):
        command = [sys.executable, "-c", KILLED, kind, str(tmp_path / name), *skmicro.__path__]
        assert subprocess.run(command, check=False).returncode == 1
        (left,) = os.listdir(tmp_path)
        assert left.startswith(f".{name}.")
    (tmp_path / ".mine").write_text("no file of the library")
    write_tree(tmp_path / "c.skm", {"value": 1})
    assert sorted(os.listdir(tmp_path)) == [".mine", "c.skm"]


@limited
def test_what_is_being_written_is_left_alone(tmp_path):
    with atomic_path(tmp_path / "a.skm") as part:
        part.write_text("half")
        write_tree(tmp_path / "b.skm", {"value": 1})
        assert part.read_text() == "half"
        with atomic_folder(tmp_path / "c") as folder:
            write_tree(tmp_path / "d.skm", {"value": 1})
            (folder / "image").write_text("an image")
    assert sorted(os.listdir(tmp_path)) == ["a.skm", "b.skm", "c", "d.skm"]
    assert (tmp_path / "a.skm").read_text() == "half"


def test_many_may_write_into_one_folder_at_once(tmp_path):
    errors = []

    def write(name):
        try:
            for k in range(30):
                write_tree(tmp_path / name, {"value": k})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(f"{k % 3}.skm",)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(os.listdir(tmp_path)) == ["0.skm", "1.skm", "2.skm"]
    assert all(read_tree(tmp_path / f"{k}.skm") == {"value": 29} for k in range(3))


def test_interrupts_leave_nothing(tmp_path):
    for make in (atomic_path, atomic_folder):
        with case(make.__name__):
            writing = make(tmp_path / "a")
            writing.__enter__()
            (part,) = os.listdir(tmp_path)
            assert part.endswith(PART)
            assert not writing.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
            assert os.listdir(tmp_path) == []


def test_errors_without_a_number_have_one(tmp_path):
    with pytest.raises(OSError, match="an encoder failed") as caught, atomic_path(tmp_path / "a"):
        raise OSError("an encoder failed")
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path / "a"))


@limited
def test_the_target_of_a_link_is_written_and_keeps_its_permissions(tmp_path):
    (tmp_path / "models").mkdir()
    target, link = tmp_path / "models" / "a.skm", tmp_path / "latest.skm"
    write_tree(target, {"value": 1})
    assert target.stat().st_mode & 0o111 == 0
    target.chmod(0o640)
    link.symlink_to(target)
    write_tree(link, {"value": 2})
    assert link.is_symlink()
    assert read_tree(target) == {"value": 2}
    assert target.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path / "models") == ["a.skm"]
