#!/usr/bin/env bash
# A voxel of one nanometre, given in metres, is written 7 % too small by tifffile before 2026.2.20.
#
# Guess before the run: resolution=(1 / 1e-9, 1 / 1e-9) is stored as 1000000000/1 by both versions,
# since a TIFF holds a resolution as two integers of 32 bits.
#
# Seen with tifffile 2026.1.14 and 2026.3.3, read by Pillow 13.0.0 (numpy 2.4.6) on Python 3.11:
# 1 / 1e-9 is 999999999.9999999, which is no quotient of small integers. The older version scales
# numerator and denominator until both have 32 bits and rounds them one by one, to 4294967295/4,
# which is 1073741824 voxels per metre. The newer one stores 1000000000/1. Lengths of 2.5 nm
# come out right, 3 nm with 0.9 % fewer voxels per metre, and micrometres right.
#
# Who meets it: whoever writes scans with lengths in metres, as simulation codes want them, and has
# pinned tifffile. Nothing warns, and ImageJ shows the wrong scale bar.
# Instead: give the resolution as a pair of integers, or lengths in micrometres.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/write.py" <<'PY'
import sys

import numpy as np
import tifffile
from PIL import Image

name = f"{sys.argv[1]}/scan.tif"
for length in (1e-9, 2.5e-9, 3e-9, 1e-6):
    tifffile.imwrite(name, np.zeros((4, 5), np.uint8), resolution=(1 / length, 1 / length))
    stored = Image.open(name).tag_v2[282]
    off = float(stored) * length - 1
    print(f"{length:g} m: {stored.numerator}/{stored.denominator}, {off:+.2%}")
PY
for version in 2026.1.14 2026.3.3; do
    "$folder/venv/bin/python" -m pip install -q --no-compile \
        "tifffile==$version" "pillow==13.0.0" "numpy==2.4.6" 2>/dev/null
    echo "tifffile $version"
    "$folder/venv/bin/python" "$folder/write.py" "$folder"
done | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
tifffile 2026.1.14
1e-09 m: 4294967295/4, +7.37%
2.5e-09 m: 400000000/1, +0.00%
3e-09 m: 4294967295/13, -0.89%
1e-06 m: 1000000/1, +0.00%
tifffile 2026.3.3
1e-09 m: 1000000000/1, +0.00%
2.5e-09 m: 400000000/1, +0.00%
3e-09 m: 1000000000/3, -0.00%
1e-06 m: 1000000/1, +0.00%
TXT
diff "$folder/expected" "$folder/seen"
