#!/usr/bin/env bash
# numpydoc has two validators, and they contradict each other on the same dataclass.
#
# Guess before the run: `numpydoc lint FILE` and `numpydoc validate MODULE.CLASS` agree on a class
# whose "Parameters" section documents exactly the fields of a dataclass.
#
# Seen with numpydoc 1.11.0 on Python 3.11: `validate` imports the class, sees the constructor that
# dataclasses made and reports nothing on parameters (no PR01, no PR02). `lint` reads the syntax
# tree, in which there is no constructor, and reports PR02 (unknown parameters) for the same text.
# A section "Attributes" in its place silences lint and makes validate report PR01 (not
# documented): of the two sections none passes both validators with both checks switched on.
#
# Who meets it: projects that lint docstrings in CI and check those of their documentation at its
# build (numpydoc_validation_checks in Sphinx), as soon as they have a public dataclass.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "numpydoc==1.11.0" 2>/dev/null
cd "$folder"
for section in Parameters Attributes; do
    cat > "grid_${section,,}.py" <<PY
"""A module with one dataclass."""

from dataclasses import dataclass


@dataclass
class Grid:
    """A grid of voxels.

    $section
    $(printf -- '-%.0s' $(seq ${#section}))
    width : int
        Voxels along the first axis.
    depth : int
        Voxels along the second axis.
    """

    width: int
    depth: int
PY
done
cat > pyproject.toml <<'TOML'
[tool.numpydoc_validation]
checks = ["PR01", "PR02"]
TOML
codes() { grep -oE "PR0[12]" | sort -u | tr '\n' ' '; }
seen=""
for section in parameters attributes; do
    lint=$("$folder/venv/bin/python" -m numpydoc lint "grid_$section.py" 2>&1 | codes || true)
    validate=$("$folder/venv/bin/python" -m numpydoc validate "grid_$section.Grid" 2>&1 | codes || true)
    echo "section $section: lint reports [${lint% }], validate reports [${validate% }]"
    seen+="$section:${lint% }/${validate% };"
done
[ "$seen" = "parameters:PR02/;attributes:/PR01;" ] || { echo "changed: $seen"; exit 1; }
