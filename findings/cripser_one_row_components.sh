#!/usr/bin/env bash
# An image of one row, or of one column, falls into single pixels in cripser's vertex construction.
#
# Guess before the run: sublevel sets of an array are the same in gudhi and in cripser, "vertices"
# as filtration V and "top_dimensional_cells" as T, with ties and for sides of one voxel: one
# component that never dies, whatever the shape.
#
# Seen with cripser 0.0.37 and gudhi 3.13.0 on Python 3.11: of 5 pixels in one row V has 5 components
# that never die, T and gudhi have 1. The same pixels as an array of one axis or of three, (1, 1, 5),
# have 1 in V as well. All other shapes that were tried agree, to the last pair.
#
# Who meets it: whoever looks at profiles or line scans that are kept as images of one row, or crops
# images down to one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "cripser==0.0.37" "gudhi==3.13.0" "numpy==2.4.6" 2>/dev/null
cat > "$folder/rows.py" <<'PY'
import cripser
import gudhi
import numpy as np


def by_cripser(levels, filtration):
    pairs = cripser.compute_ph(levels, filtration=filtration, maxdim=0)
    return int(np.isinf(pairs[:, 2]).sum())


def by_gudhi(levels, cells):
    complex_ = gudhi.CubicalComplex(**{cells: levels})
    complex_.compute_persistence()
    return int(np.isinf(complex_.persistence_intervals_in_dimension(0)[:, 1]).sum())


for shape in ((5,), (1, 5), (5, 1), (1, 1, 5), (2, 5)):
    levels = np.arange(float(np.prod(shape))).reshape(shape)
    vertices = by_cripser(levels, "V"), by_gudhi(levels, "vertices")
    cells = by_cripser(levels, "T"), by_gudhi(levels, "top_dimensional_cells")
    print(f"{shape}: vertices {vertices}, cells {cells}")
PY
"$folder/venv/bin/python" "$folder/rows.py" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
(5,): vertices (1, 1), cells (1, 1)
(1, 5): vertices (5, 1), cells (1, 1)
(5, 1): vertices (5, 1), cells (1, 1)
(1, 1, 5): vertices (1, 1), cells (1, 1)
(2, 5): vertices (1, 1), cells (1, 1)
TXT
diff "$folder/expected" "$folder/seen"
