#!/usr/bin/env bash
# A volume in several OME-TIFF files of which one is missing is read whole, with zeros in its place.
#
# Guess before the run: tifffile raises an error that names the missing file.
#
# Seen with tifffile 2026.3.3 (numpy 2.4.6) on Python 3.11: imread returns the full shape (2, 5, 7),
# with zeros in the plane of the missing file. There is no exception and no Python warning, only a
# record of level WARNING on the logger "tifffile"; warnings turned into errors do not help.
#
# Who meets it: whoever copies one file of a serial section or tomography that a microscope wrote
# as a set. In a segmented volume 0 is a phase, mostly the pores, and porosity comes out too high.
# Instead: before the read, compare the names in the OME-XML (UUID FileName) with the folder, or
# put a handler on the logger "tifffile" that raises.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-compile "tifffile==2026.3.3" "numpy==2.4.6" 2>/dev/null
cat > "$folder/companion.py" <<'PY'
import logging
import os
import sys
import warnings

import numpy as np
import tifffile

os.chdir(sys.argv[1])
warnings.simplefilter("error")
NAMES = ("first.ome.tif", "second.ome.tif")
IDS = [f"urn:uuid:00000000-0000-4000-8000-00000000000{k}" for k in (1, 2)]


class Levels(logging.Handler):
    def emit(self, record):
        print("log:", record.levelname)


def description(own):
    planes = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" FirstC="0" FirstT="0" PlaneCount="1">'
        f'<UUID FileName="{NAMES[z]}">{IDS[z]}</UUID></TiffData>'
        for z in (0, 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{IDS[own]}">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" '
        'SizeX="7" SizeY="5" SizeZ="2" SizeC="1" SizeT="1">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )


def read(case):
    volume = tifffile.imread(NAMES[0])
    print(f"{case}: shape {volume.shape}, values {[np.unique(p).tolist() for p in volume]}")


for z, name in enumerate(NAMES):
    plane = np.full((5, 7), z + 1, np.uint8)
    tifffile.imwrite(
        name, plane, description=description(z), metadata=None, photometric="minisblack"
    )
logging.getLogger("tifffile").addHandler(Levels())
read("both files")
os.remove(NAMES[1])
read("one file")
PY
"$folder/venv/bin/python" "$folder/companion.py" "$folder" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
both files: shape (2, 5, 7), values [[1], [2]]
log: WARNING
one file: shape (2, 5, 7), values [[1], [0]]
TXT
diff "$folder/expected" "$folder/seen"
