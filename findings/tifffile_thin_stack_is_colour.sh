#!/usr/bin/env bash
# A grey stack of 3 or 4 slices is written as one colour image; one of 2 or 5 slices is not.
#
# Guess before the run: tifffile.imwrite of a uint8 array of shape (4, 5, 7) makes four grey pages.
#
# Seen with tifffile 2026.3.3, Pillow 13.0.0 and SimpleITK 2.5.7 (numpy 2.4.6) on Python 3.11:
# 2 and 5 slices become grey pages; 3 and 4 become one page of RGB in separate planes, with a
# DeprecationWarning. tifffile reads its own
# file back as (4, 5, 7). Pillow reads one frame of mode RGBA, so the fourth slice is opacity, and
# SimpleITK one slice of 4 components.
#
# Who meets it: whoever writes a thin cut-out of a tomography or the first slices of a serial
# section for another program; scripts that pass with 10 slices fail with 3 or 4.
# Instead: always give photometric="minisblack".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-compile \
    "tifffile==2026.3.3" "pillow==13.0.0" "SimpleITK==2.5.7" "numpy==2.4.6" 2>/dev/null
cat > "$folder/thin.py" <<'PY'
import sys
import warnings

import numpy as np
import SimpleITK
import tifffile
from PIL import Image

name = f"{sys.argv[1]}/stack.tif"


def show(n, **options):
    stack = np.arange(n * 35, dtype=np.uint8).reshape(n, 5, 7)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tifffile.imwrite(name, stack, **options)
    said = [w.category.__name__ for w in caught]
    with tifffile.TiffFile(name) as file:
        pages, kind = len(file.pages), file.pages[0].photometric.name
    with Image.open(name) as image:
        pillow = f"{image.n_frames} x {image.mode}"
    itk = SimpleITK.ReadImage(name)
    print(
        f"{n} slices {options}: {pages} x {kind} {said}, tifffile {tifffile.imread(name).shape}, "
        f"Pillow {pillow}, SimpleITK {itk.GetSize()} x {itk.GetNumberOfComponentsPerPixel()}"
    )


for n in (2, 3, 4, 5):
    show(n)
show(4, photometric="minisblack")
PY
"$folder/venv/bin/python" "$folder/thin.py" "$folder" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
2 slices {}: 2 x MINISBLACK [], tifffile (2, 5, 7), Pillow 2 x L, SimpleITK (7, 5, 2) x 1
3 slices {}: 1 x RGB ['DeprecationWarning'], tifffile (3, 5, 7), Pillow 1 x RGB, SimpleITK (7, 5) x 4
4 slices {}: 1 x RGB ['DeprecationWarning'], tifffile (4, 5, 7), Pillow 1 x RGBA, SimpleITK (7, 5) x 4
5 slices {}: 5 x MINISBLACK [], tifffile (5, 5, 7), Pillow 5 x L, SimpleITK (7, 5, 5) x 1
4 slices {'photometric': 'minisblack'}: 4 x MINISBLACK [], tifffile (4, 5, 7), Pillow 4 x L, SimpleITK (7, 5, 4) x 1
TXT
diff "$folder/expected" "$folder/seen"
