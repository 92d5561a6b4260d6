"""Files of other programs come back as their writers meant them."""

import numpy as np
import pytest
from field_files import CASES, CORNER, DREAM3D, LABELS, SPACING

from skmicro import read_images


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_files_of_other_programs(case, tmp_path):
    module = pytest.importorskip(case.needs, reason=f"{case.needs} writes the file of this test")
    path = tmp_path / case.file
    case.write(module, path)
    images, place = read_images(path, return_place=True, **case.read)
    np.testing.assert_array_equal(images, case.images)
    assert images.dtype == case.images.dtype
    for name, value in case.place.items():
        assert place[name] == pytest.approx(value), name


@pytest.mark.parametrize("version", ["7.0", "8.0"])
def test_damask_reads_the_same_of_dream3d(version, tmp_path):
    damask = pytest.importorskip("damask", reason="DAMASK reads the file of this test")
    (case,) = (case for case in CASES if case.name == f"DREAM.3D layout, version {version}")
    case.write(pytest.importorskip("h5py", reason="h5py writes it"), tmp_path / case.file)
    names = {"base_group": DREAM3D[version], "cell_data": "CellData", "feature_IDs": "FeatureIds"}
    grid = damask.GeomGrid.load_DREAM3D(tmp_path / case.file, **names)
    np.testing.assert_array_equal(grid.material.T, LABELS)
    np.testing.assert_allclose((grid.size / grid.cells)[::-1], SPACING)
    np.testing.assert_allclose(grid.origin[::-1], CORNER)
