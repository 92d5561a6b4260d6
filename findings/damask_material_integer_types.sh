#!/usr/bin/env bash
# DAMASK refuses most integer types for the material of a grid, and accepts floats.
#
# Guess before the run: "material" of a VTI file may be of any signed integer type.
#
# Seen with damask 3.1.0 and VTK 9.7.2 (numpy 2.4.6) on Python 3.11: int32, int64, float32 and
# float64 are read, the floats as int64; int8, int16 and all unsigned types raise TypeError. The
# values are the same whole numbers 0 to 7 in each file.
#
# Who meets it: whoever segments a micrograph to uint8 (or uint16 labels of grains), writes it with
# VTK or PyVista and starts DAMASK from it.
# Instead: cast labels to int32 or int64 before the file is written.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-compile \
    "damask==3.1.0" "vtk==9.7.2" "numpy==2.4.6" 2>/dev/null
cat > "$folder/material.py" <<'PY'
import sys

import damask
import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkIOXML import vtkXMLImageDataWriter

name = f"{sys.argv[1]}/grid.vti"
for kind in "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64".split():
    values = numpy_to_vtk(np.arange(8).astype(kind), deep=True)
    values.SetName("material")
    image = vtkImageData()
    image.SetDimensions(3, 3, 3)
    image.GetCellData().AddArray(values)
    writer = vtkXMLImageDataWriter()
    writer.SetFileName(name)
    writer.SetInputData(image)
    writer.Write()
    try:
        print(f"{kind}: read as {damask.GeomGrid.load(name).material.dtype}")
    except TypeError as error:
        print(f"{kind}: TypeError, {error}")
PY
"$folder/venv/bin/python" "$folder/material.py" "$folder" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
int8: TypeError, invalid material data type "int8"
int16: TypeError, invalid material data type "int16"
int32: read as int32
int64: read as int64
uint8: TypeError, invalid material data type "uint8"
uint16: TypeError, invalid material data type "uint16"
uint32: TypeError, invalid material data type "uint32"
uint64: TypeError, invalid material data type "uint64"
float32: read as int64
float64: read as int64
TXT
diff "$folder/expected" "$folder/seen"
