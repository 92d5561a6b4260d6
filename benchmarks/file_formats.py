"""Readers against files that the programs of the field write.

The files, and what their writers meant, are those of tests/field_files.py. For each there is a row:
what ``skmicro.read_images`` gives, with the arguments that the file needs, and what other readers
give in one plain call. "right" means the values with the axes in the order z, y, x; "axes" that
they are there in another order; "values" that some are others. After a comma stands what a reader
says of the size of voxels, where the file has one: "place" is right, "no place" is nothing or
something else. PyVista runs in a process of its own,
which VTK ends for some files. Programs that
are not installed are left out.

    pip install skmicro[files] imagecodecs SimpleITK pyvista damask pyevtk imageio meshio
    python benchmarks/file_formats.py
"""

import contextlib
import importlib
import itertools
import multiprocessing
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
from _results import write_results

from skmicro import read_images

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from field_files import CASES

PACKAGES = (
    "tifffile", "pillow", "imagecodecs", "h5py", "pynrrd", "SimpleITK", "vtk", "pyvista", "meshio",
    "imageio", "scipy", "damask", "pyevtk",
)  # fmt: skip


def ours(path, read):
    """Return images, spacing and unit as this library reads them."""
    images, place = read_images(path, return_place=True, **read)
    return images, place["spacing"]


def by_itk(path, read):
    """Return an image as SimpleITK reads it."""
    itk = importlib.import_module("SimpleITK")
    itk.ProcessObject.SetGlobalWarningDisplay(False)
    image = itk.ReadImage(str(path))
    return itk.GetArrayFromImage(image), image.GetSpacing()[::-1]


def by_pyvista(path, read):
    """Return the first array of an image as PyVista reads it, in the order x, y, z."""
    grid = importlib.import_module("pyvista").read(path)
    cells = len(grid.cell_data) > 0
    data = grid.cell_data if cells else grid.point_data
    sides = np.array(grid.dimensions) - cells
    return data[data.keys()[0]].reshape(sides[::-1]), grid.spacing[::-1]


def by_meshio(path, read):
    """Return the first array of a mesh as meshio reads it, flat."""
    mesh = importlib.import_module("meshio").read(path)
    data = mesh.cell_data or mesh.point_data
    return np.ravel(next(iter(data.values()))), None


def by_pynrrd(path, read):
    """Return an array as pynrrd reads it by default."""
    values, header = importlib.import_module("nrrd").read(str(path))
    directions = header.get("space directions")
    return values, None if directions is None else np.linalg.norm(directions, axis=1)


READERS = {
    "tifffile": ((".tif",), lambda p, _: (importlib.import_module("tifffile").imread(p), None)),
    "Pillow": (
        (".tif", ".png", ".pgm"),
        lambda p, _: (np.asarray(importlib.import_module("PIL.Image").open(p)), None),
    ),
    "imageio": (
        (".tif", ".png", ".pgm"),
        lambda p, _: (importlib.import_module("imageio.v3").imread(p), None),
    ),
    "SimpleITK": (
        (".tif", ".png", ".pgm", ".mha", ".mhd", ".nrrd", ".nhdr", ".vtk"),
        by_itk,
    ),
    "PyVista": ((".vti", ".vtk", ".mha", ".mhd", ".nrrd", ".nhdr"), by_pyvista),
    "meshio": ((".vtk",), by_meshio),
    "pynrrd": ((".nrrd", ".nhdr"), by_pynrrd),
}


CRASHING = ("PyVista",)


def judged_apart(read, path, case):
    """Return what a reader makes of a file, in another process."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=lambda: there.send(judged(read, path, case)))
    child.start()
    child.join()
    return here.recv() if here.poll() else f"crash (exit {child.exitcode})"


def judged(read, path, case):
    """Return in a few words what a reader makes of a file."""
    try:
        images, spacing = read(path, case.read)
    except (Exception, SystemExit) as error:  # readers raise what they like
        return f"error ({type(error).__name__})"
    wanted, got = case.images.squeeze(), np.asarray(images).squeeze()
    if got.shape == wanted.shape and np.array_equal(got, wanted):
        verdict = "right"
    elif any(
        got.ndim == wanted.ndim and np.array_equal(got.transpose(order), wanted)
        for order in itertools.permutations(range(got.ndim))
    ):
        verdict = "axes"
    elif got.size == wanted.size and np.array_equal(got.ravel(), wanted.ravel()):
        verdict = "flat"
    elif got.shape == wanted.shape:
        verdict = "values"
    else:
        verdict = f"shape {got.shape}"
    wanted = case.place.get("spacing")
    if wanted is not None:
        same = spacing is not None and np.allclose(np.sort(spacing), np.sort(wanted))
        verdict += ", place" if same else ", no place"
    return verdict


def packages():
    """Return version and installed size of the packages that read or write the files."""
    found = {}
    for name in PACKAGES:
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        files = [file.locate() for file in distribution.files or ()]
        size = sum(Path(file).stat().st_size for file in files if Path(file).is_file())
        found[name] = {"version": distribution.version, "installed_mb": round(size / 2**20, 1)}
    return found


def main():
    """Print the table and write it."""
    with contextlib.suppress(ImportError):
        importlib.import_module("pyvista")
    rows = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, case in enumerate(CASES):
            try:
                module = importlib.import_module(case.needs)
            except ImportError:
                print(f"{case.name}: {case.needs} is not installed")
                continue
            path = Path(folder, str(k), case.file)
            path.parent.mkdir()
            case.write(module, path)
            row = {
                "file": case.name,
                "read": str(case.read or ""),
                "skmicro": judged(ours, path, case),
            }
            for name, (suffixes, read) in READERS.items():
                if path.suffix in suffixes:
                    judge = judged_apart if name in CRASHING else judged
                    row[name] = judge(read, path, case)
            rows.append(row)
            others = "; ".join(f"{name} {row[name]}" for name in READERS if name in row)
            print(f"{row['file']:42} {row['skmicro']:16} | {others}", flush=True)
    right = sum(
        row["skmicro"].startswith("right") and "no place" not in row["skmicro"] for row in rows
    )
    print(f"skmicro: {right} of {len(rows)} right")
    for name in READERS:
        verdicts = [row[name] for row in rows if name in row]
        n = sum(verdict.startswith("right") for verdict in verdicts)
        print(f"{name}: values and axes of {n} of {len(verdicts)} right in one plain call")
    found = packages()
    for name, item in found.items():
        print(f"{name:12} {item['version']:12} {item['installed_mb']:8.1f} MB installed")
    print(write_results("file_formats", {"packages": found, "rows": rows}))


if __name__ == "__main__":
    main()
