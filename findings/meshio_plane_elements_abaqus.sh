#!/usr/bin/env bash
# meshio turns plane quadrilaterals into axisymmetric elements with pore pressure, and ends the
# whole process where it reads plane strain elements.
#
# Guess before the run: a "quad" is written to .inp as CPS4 or CPE4, elements of plane stress or
# strain; a file with CPE4 is read as "quad", or at worst raises meshio.ReadError.
#
# Seen with meshio 5.3.5 on Python 3.11: "quad" is written as CAX4P, an axisymmetric element whose
# corners have a pore pressure, which the solver takes for another problem without a word. A file
# with CPE4 ends in SystemExit(1): "except Exception" does not catch it, and a loop over files, a
# notebook server or a test run stops there. CPS4 is read.
#
# Who meets it: whoever writes pixel meshes of micrographs for Abaqus or CalculiX with meshio, or
# reads plane strain models back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "meshio==5.3.5" "numpy==2.4.6" 2>/dev/null
cat > "$folder/plane.py" <<'PY'
import sys

import meshio
import numpy as np

folder = sys.argv[1]
corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
meshio.write(f"{folder}/quad.inp", meshio.Mesh(corners, [("quad", [[0, 1, 2, 3]])]))
with open(f"{folder}/quad.inp") as file:
    (written,) = [line.strip() for line in file if line.startswith("*ELEMENT")]
print("written:", written)
for kind in ("CPS4", "CPE4"):
    nodes = "".join(f"{k}, {x:g}, {y:g}\n" for k, (x, y) in enumerate(corners, 1))
    with open(f"{folder}/{kind}.inp", "w") as file:
        file.write(f"*NODE\n{nodes}*ELEMENT, TYPE={kind}\n1, 1, 2, 3, 4\n")
    try:
        print(f"{kind}:", meshio.read(f"{folder}/{kind}.inp").cells[0].type)
    except Exception as error:
        print(f"{kind}:", type(error).__name__)
    except SystemExit as error:
        print(f"{kind}: SystemExit", error.code)
PY
"$folder/venv/bin/python" "$folder/plane.py" "$folder" 2>/dev/null | grep -a -E "^(written|CPS4|CPE4)" | tee "$folder/seen"
cat > "$folder/expected" <<'TXT'
written: *ELEMENT, TYPE=CAX4P
CPS4: quad
CPE4: SystemExit 1
TXT
diff "$folder/expected" "$folder/seen"
