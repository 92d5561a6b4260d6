#!/usr/bin/env bash
# meshio reads no binary legacy .vtk image of ITK, for want of one line break at the end, and the
# refusal ends the process.
#
# Guess before the run: an image written by SimpleITK is read, or raises meshio.ReadError.
#
# Seen with meshio 5.3.5 and SimpleITK 2.5.7 (numpy 2.4.6) on Python 3.11: for uint8, int16 and
# float32 alike meshio.read ends in SystemExit(1), with a message that names no cause. The values
# are complete; meshio wants a line break after them, and reads the file once one is appended.
#
# Who meets it: whoever segments a volume with ITK and makes a finite element mesh of it: "except
# Exception" around the reading of many files does not catch this.
# Instead: append b"\n" to the file, or catch SystemExit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --no-compile \
    "meshio==5.3.5" "SimpleITK==2.5.7" "numpy==2.4.6" 2>/dev/null
cat > "$folder/newline.py" <<'PY'
import sys

import meshio
import numpy as np
import SimpleITK

name = f"{sys.argv[1]}/volume.vtk"


def read():
    try:
        return f"{len(meshio.read(name).points)} points"
    except Exception as error:
        return type(error).__name__
    except SystemExit as error:
        return f"SystemExit {error.code}"


for kind in ("uint8", "int16", "float32"):
    values = np.arange(140).reshape(4, 5, 7).astype(kind)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), name)
    first = read()
    with open(name, "ab") as file:
        file.write(b"\n")
    print(f"seen {kind}: {first}, with a line break {read()}")
PY
"$folder/venv/bin/python" "$folder/newline.py" "$folder" 2>/dev/null | grep -a "^seen" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
seen uint8: SystemExit 1, with a line break 140 points
seen int16: SystemExit 1, with a line break 140 points
seen float32: SystemExit 1, with a line break 140 points
TXT
diff "$folder/expected" "$folder/seen"
