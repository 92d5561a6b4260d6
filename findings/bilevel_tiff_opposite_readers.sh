#!/usr/bin/env bash
# A 1-bit TIFF whose zeros are white is one image to tifffile and its inverse to Pillow and ITK.
#
# Guess before the run: Pillow writes CCITT-compressed images (group3, group4) always as "0 is
# white" (tag 262 of 0), and all readers return what was saved.
#
# Seen with Pillow 13.0.0, tifffile 2026.3.3, imagecodecs 2026.3.6 and SimpleITK 2.5.7 (numpy
# 2.4.6) on Python 3.11: Pillow writes "0 is black" by default, CCITT included, and then all three
# agree. With tiffinfo={262: 0} Pillow stores inverted bits; Pillow and SimpleITK honour the tag,
# tifffile returns the stored bits, hence the inverse. The other way round, tifffile.imwrite of a
# bool array stores its bits unchanged under "0 is white": tifffile reads True where it was True,
# Pillow and SimpleITK read the inverse. So files made by either one mislead the other.
#
# Who meets it: whoever saves a segmented two-phase structure as 1 bit and opens it in another
# program: pores and solid change places, and volume fraction f becomes 1 - f.
# Instead: imwrite(..., photometric="minisblack"), or save uint8; after imread, look at
# page.photometric and invert where it is MINISWHITE.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-compile "pillow==13.0.0" "tifffile==2026.3.3" \
    "imagecodecs==2026.3.6" "SimpleITK==2.5.7" "numpy==2.4.6" 2>/dev/null
cat > "$folder/bilevel.py" <<'PY'
import sys

import numpy as np
import SimpleITK
import tifffile
from PIL import Image

name = f"{sys.argv[1]}/mask.tif"
mask = np.zeros((5, 16), bool)
mask[:, :4] = True


def show(case):
    with tifffile.TiffFile(name) as file:
        kind = file.pages[0].photometric.name
        arrays = {"tifffile": file.pages[0].asarray()}
    with Image.open(name) as image:
        arrays["Pillow"] = np.asarray(image)
    colours = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(name))  # red, green, blue, opacity
    arrays["SimpleITK"] = colours[..., 0]
    same = {}
    for reader, array in arrays.items():
        true = array.astype(bool)
        same[reader] = "same" if np.array_equal(true, mask) else "other"
        if np.array_equal(true, ~mask):
            same[reader] = "inverse"
    print(f"{case}: {kind},", ", ".join(f"{k} {v}" for k, v in same.items()))


for compression in (None, "group3", "group4"):
    for info in ({}, {262: 0}):
        Image.fromarray(mask).save(name, compression=compression, tiffinfo=info)
        show(f"Pillow {compression} {info}")
for options in ({}, {"photometric": "minisblack"}):
    tifffile.imwrite(name, mask, **options)
    show(f"tifffile {options}")
PY
"$folder/venv/bin/python" "$folder/bilevel.py" "$folder" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
Pillow None {}: MINISBLACK, tifffile same, Pillow same, SimpleITK same
Pillow None {262: 0}: MINISWHITE, tifffile inverse, Pillow same, SimpleITK same
Pillow group3 {}: MINISBLACK, tifffile same, Pillow same, SimpleITK same
Pillow group3 {262: 0}: MINISWHITE, tifffile inverse, Pillow same, SimpleITK same
Pillow group4 {}: MINISBLACK, tifffile same, Pillow same, SimpleITK same
Pillow group4 {262: 0}: MINISWHITE, tifffile inverse, Pillow same, SimpleITK same
tifffile {}: MINISWHITE, tifffile same, Pillow inverse, SimpleITK inverse
tifffile {'photometric': 'minisblack'}: MINISBLACK, tifffile same, Pillow same, SimpleITK same
TXT
diff "$folder/expected" "$folder/seen"
