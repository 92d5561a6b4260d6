#!/usr/bin/env bash
# SimpleITK reads a TIFF of half-precision floats as unsigned integers, the bit patterns.
#
# Guess before the run: SimpleITK raises RuntimeError for float16.
#
# Seen with SimpleITK 2.5.7 on a file of tifffile 2026.3.3 (numpy 2.4.6), Python 3.11: values 0,
# 0.25, 0.5 and 1 are returned as 0, 13312, 14336 and 15360 of type 16-bit unsigned integer,
# without an error. The file says that its samples are floats (tag SampleFormat is IEEEFP).
#
# Who meets it: whoever saves probability maps or reconstructions of a network in half precision
# and thresholds or registers them with SimpleITK: the order of positive values is kept, so the
# picture looks plausible, but means and thresholds are wrong.
# Instead: save float32.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-compile \
    "SimpleITK==2.5.7" "tifffile==2026.3.3" "numpy==2.4.6" 2>/dev/null
cat > "$folder/half.py" <<'PY'
import sys

import numpy as np
import SimpleITK
import tifffile

name = f"{sys.argv[1]}/map.tif"
for kind in ("float16", "float32"):
    values = np.array([[0, 0.25], [0.5, 1]], kind)
    tifffile.imwrite(name, values, photometric="minisblack")
    with tifffile.TiffFile(name) as file:
        said = file.pages[0].sampleformat.name
    try:
        image = SimpleITK.ReadImage(name)
        got = SimpleITK.GetArrayFromImage(image).ravel().tolist()
        print(f"{kind}, {said}: {image.GetPixelIDTypeAsString()} {got}")
    except RuntimeError:
        print(f"{kind}, {said}: RuntimeError")
PY
"$folder/venv/bin/python" "$folder/half.py" "$folder" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
float16, IEEEFP: 16-bit unsigned integer [0, 13312, 14336, 15360]
float32, IEEEFP: 32-bit float [0.0, 0.25, 0.5, 1.0]
TXT
diff "$folder/expected" "$folder/seen"
