"""Files of other programs come back as their writers meant them."""

import numpy as np
import pytest
from field_files import CASES

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
