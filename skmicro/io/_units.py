"""Names of units of length."""

MICROMETRE = ("um", "µm", "μm", "\\u00b5m", "micron", "microns", "micrometer", "micrometre")
NAMES = {name: "um" for name in MICROMETRE} | {
    "nanometer": "nm", "nanometre": "nm", "millimeter": "mm", "millimetre": "mm",
    "centimeter": "cm", "centimetre": "cm", "meter": "m", "metre": "m",
    "angstrom": "Å", "å": "Å",
}  # fmt: skip
NONE = ("", "pixel", "pixels", "voxel", "reference frame", "?")


def named_unit(text):
    """Return the short name of a unit, None where a file does not say one."""
    if text is None:
        return None
    name = str(text).strip().strip('"')
    return None if name.lower() in NONE else NAMES.get(name.lower(), name)


def check_unit(unit):
    """Return the short name of a unit, or raise unless it is a text or None."""
    if unit is not None and not isinstance(unit, str):
        raise TypeError(f"unit must be a text such as 'um' or None, got {unit!r}.")
    return named_unit(unit)
