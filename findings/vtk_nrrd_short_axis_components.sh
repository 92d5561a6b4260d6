#!/usr/bin/env bash
# VTK takes the first axis of a NRRD volume for components of a pixel as long as it is below 10.
#
# Guess before the run: at most a first axis of length 1 to 4 is taken for components.
#
# Seen with vtkNrrdReader of VTK 9.7.2 on volumes written by SimpleITK 2.5.7 (numpy 2.4.6), Python
# 3.11: 7 x 5 x 4 voxels are read as 5 x 4 x 1 points of 7 components, 9 x 5 x 4 alike, and
# 10 x 5 x 4 as it is. The header says "kinds: domain domain domain", that is, no components.
# There is no error and no warning, and the number of values agrees.
#
# Who meets it: whoever opens small cut-outs, thin slabs or test volumes with VTK (or a program
# built on it): sections across x, of fewer than 10 voxels.
# Instead: write MetaImage (.mha) for such volumes, or compare dimensions after reading.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-compile \
    "vtk==9.7.2" "SimpleITK==2.5.7" "numpy==2.4.6" 2>/dev/null
cat > "$folder/axis.py" <<'PY'
import sys

import numpy as np
import SimpleITK
from vtkmodules.vtkIOImage import vtkMetaImageReader, vtkNrrdReader

for width in (4, 7, 9, 10):
    image = SimpleITK.GetImageFromArray(np.zeros((4, 5, width), np.uint8))
    for ending, reader in (("nrrd", vtkNrrdReader()), ("mha", vtkMetaImageReader())):
        name = f"{sys.argv[1]}/volume.{ending}"
        SimpleITK.WriteImage(image, name)
        reader.SetFileName(name)
        reader.Update()
        got = reader.GetOutput()
        print(
            f"{image.GetSize()} as {ending}: {got.GetDimensions()} "
            f"x {got.GetNumberOfScalarComponents()}"
        )
    if width == 7:
        with open(f"{sys.argv[1]}/volume.nrrd", "rb") as file:
            print(*(line.decode().strip() for line in file if line.startswith(b"kinds")))
PY
"$folder/venv/bin/python" "$folder/axis.py" "$folder" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
(4, 5, 4) as nrrd: (5, 4, 1) x 4
(4, 5, 4) as mha: (4, 5, 4) x 1
(7, 5, 4) as nrrd: (5, 4, 1) x 7
(7, 5, 4) as mha: (7, 5, 4) x 1
kinds: domain domain domain
(9, 5, 4) as nrrd: (5, 4, 1) x 9
(9, 5, 4) as mha: (9, 5, 4) x 1
(10, 5, 4) as nrrd: (10, 5, 4) x 1
(10, 5, 4) as mha: (10, 5, 4) x 1
TXT
diff "$folder/expected" "$folder/seen"
