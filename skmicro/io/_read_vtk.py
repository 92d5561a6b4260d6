"""Reading of legacy VTK files of structured points."""

import re

import numpy as np

from ._blocks import check_block, native
from ._found import Found, corner_of

TYPES = {
    "bit": None, "unsigned_char": "u1", "char": "i1", "unsigned_short": "u2", "short": "i2",
    "unsigned_int": "u4", "int": "i4", "unsigned_long": "u8", "long": "i8", "vtkidtype": "i8",
    "vtktypeint64": "i8", "vtktypeuint64": "u8", "float": "f4", "double": "f8",
}  # fmt: skip
LINE = re.compile(rb"[^\n]*(\n|$)")


class Reader:
    """The lines and numbers of a file, from its beginning to its end."""

    def __init__(self, content):
        self.content, self.at = content, 0
        if not self.line().startswith("# vtk DataFile"):
            raise ValueError("it does not begin with '# vtk DataFile'.")
        self.line()
        self.binary = self.line().strip().upper() == "BINARY"

    def line(self):
        """Return the next line, None at the end."""
        if self.at >= len(self.content):
            return None
        found = LINE.match(self.content, self.at)
        self.at = found.end()
        return found[0].decode("latin-1").strip()

    def words(self):
        """Return the words of the next line that has some, None at the end."""
        while (line := self.line()) is not None:
            if line:
                return line.split()
        return None

    def span(self, dtype, n):
        """Return where the next numbers are, and go behind them."""
        start = self.at
        if self.binary:
            self.at += n * np.dtype(dtype).itemsize
            if self.at > len(self.content):
                raise ValueError(f"its header says {n} numbers of {dtype}, it has less.")
        else:
            parts = self.content[self.at :].split(None, n)
            if len(parts) < n:
                raise ValueError(f"its header says {n} numbers, it has {len(parts)}.")
            self.at = len(self.content) - len(parts[n] if len(parts) > n else b"")
        return start, self.at

    def numbers(self, span, dtype):
        """Return the numbers of a place."""
        part = self.content[span[0] : span[1]]
        if self.binary:
            return native(np.frombuffer(part, np.dtype(dtype).newbyteorder(">"))).copy()
        return np.array(part.split(), dtype)


def read_vtk(path, key, limit):
    """Return an array of cells or points; ``key`` names it where there are several."""
    reader = Reader(path.read_bytes())
    fields = {}
    words = reader.words()
    if not words or words[:2] != ["DATASET", "STRUCTURED_POINTS"]:
        raise ValueError(f"it holds {' '.join(words or ['nothing'])}, needed is STRUCTURED_POINTS.")
    found, on_cells = {}, False
    while (words := reader.words()) is not None:
        keyword = words[0].upper()
        if keyword in ("DIMENSIONS", "SPACING", "ASPECT_RATIO", "ORIGIN"):
            name = "SPACING" if keyword == "ASPECT_RATIO" else keyword
            fields[name] = tuple(float(word) for word in words[1:4])[::-1]
        elif keyword in ("CELL_DATA", "POINT_DATA"):
            on_cells = keyword == "CELL_DATA"
        elif keyword == "SCALARS":
            n = int(words[3]) if len(words) > 3 else 1
            _note(reader, found, words[1], words[2], n, _shape(fields, on_cells), on_cells, True)
        elif keyword == "FIELD":
            for _ in range(int(words[2])):
                name, n, n_tuples, kind = _field(reader)
                shape = _shape(fields, on_cells) if "DIMENSIONS" in fields else (0,)
                fits = np.prod(shape) == n_tuples
                _note(reader, found, name, kind, n, shape if fits else (n_tuples,), on_cells, False)
        elif keyword == "METADATA":
            while reader.line():
                pass
        elif keyword in ("VECTORS", "NORMALS", "TENSORS", "COLOR_SCALARS", "LOOKUP_TABLE"):
            break  # what comes behind them is not looked for
    fitting = {name: item for name, item in found.items() if len(item[2]) == 3}
    if key is None and len(fitting) == 1:
        (key,) = fitting
    if key not in fitting:
        raise ValueError(f"key must be one of {list(fitting)}, got {key!r}.")
    span, dtype, shape, on_cells, n = fitting[key]
    if n != 1:
        raise ValueError(f"{key!r} has {n} components, needed is one.")
    check_block(np.dtype(dtype), shape, limit)
    array = reader.numbers(span, dtype).reshape(shape)
    steps, corner = fields.get("SPACING", (1.0,) * 3), fields.get("ORIGIN", (0.0,) * 3)
    return Found(array, steps, corner if on_cells else corner_of(corner, steps), volumetric=True)


def _field(reader):
    words = reader.words()
    while words and words[0].upper() == "METADATA":
        while reader.line():
            pass
        words = reader.words()
    name, n, n_tuples, kind = words
    return name, int(n), int(n_tuples), kind


def _note(reader, found, name, kind, n, shape, on_cells, with_table):
    """Note where an array of numbers lies, and go behind it."""
    dtype = TYPES.get(kind.lower())
    if dtype is None:
        raise ValueError(f"{name!r} has type {kind}, needed are numbers.")
    if with_table:
        start = reader.at
        words = reader.words()
        if not words or words[0].upper() != "LOOKUP_TABLE":
            reader.at = start
    n_numbers = n * int(np.prod(shape, dtype=object))
    found[name] = (reader.span(dtype, n_numbers), dtype, shape, on_cells, n)


def _shape(fields, on_cells):
    if "DIMENSIONS" not in fields:
        raise ValueError("it has no DIMENSIONS.")
    sides = [int(side) for side in fields["DIMENSIONS"]]
    return tuple(max(1, side - 1) if on_cells else side for side in sides)
