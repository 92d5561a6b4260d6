"""Spacing, origin and unit of TIFF, as ImageJ and OME say them."""

import xml.etree.ElementTree as ElementTree

from ._units import named_unit

NO_PLACE = (None, None, None)


def place_of(file, axes):
    """Return spacing and corner along each axis, and the unit; None where the file does not say.

    Resolutions of other files are mostly those of a printer, 72 or 96 for each inch.
    """
    if file.is_imagej:
        lengths, zeros, unit = _of_imagej(file)
    elif file.is_ome:
        lengths, zeros, unit = _of_ome(file.ome_metadata)
    else:
        return NO_PLACE
    if not lengths:
        return NO_PLACE
    # Planes that are not said to be anything else may be slices.
    letters = [axis if axis in "YX" else "Z" for axis in axes]
    spacing = tuple(lengths.get(axis) for axis in letters)
    origin = tuple(zeros.get(axis) for axis in letters) if zeros else None
    return spacing, origin, unit


def _of_imagej(file):
    tags, metadata = file.pages[0].tags, file.imagej_metadata or {}
    lengths = {}
    for axis, name in (("X", "XResolution"), ("Y", "YResolution")):
        upper, lower = tags[name].value if name in tags else (1, 1)
        lengths[axis] = lower / upper if upper else 1.0
    lengths["Z"] = float(metadata.get("spacing", 1.0))
    unit = named_unit(metadata.get("unit"))
    names = [f"{axis}origin" for axis in "xyz"]
    zeros = {}
    if any(name in metadata for name in names):
        zeros = {
            axis: 0.0 - float(metadata.get(name, 0.0)) * lengths[axis]
            for axis, name in zip("XYZ", names, strict=True)
        }
    if unit is None and not zeros and set(lengths.values()) == {1.0}:
        return {}, {}, None  # pixels, ImageJ's way of not saying
    return lengths, zeros, unit


def _of_ome(text):
    """Return lengths of OME-XML in the unit of the first axis that has one."""
    pixels = _first(ElementTree.fromstring(text), "Pixels")
    if pixels is None:
        return {}, {}, None
    lengths, units = {}, {}
    for axis in "XYZ":
        value = pixels.get(f"PhysicalSize{axis}")
        if value is not None:
            lengths[axis] = float(value)
            units[axis] = named_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    if len(set(units.values())) > 1:
        raise ValueError(f"its axes have lengths of several units, {units}.")
    unit = next(iter(units.values()), None)
    plane, zeros = _first(pixels, "Plane"), {}
    if plane is not None:
        for axis in "XYZ":
            value = plane.get(f"Position{axis}")
            if value is not None and named_unit(plane.get(f"Position{axis}Unit")) == unit:
                zeros[axis] = float(value)
    return lengths, zeros, unit


def _first(root, name):
    return next((item for item in root.iter() if item.tag.rpartition("}")[2] == name), None)
