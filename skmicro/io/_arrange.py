"""From the array of a file to a stack of images."""

LETTERS = "NZYX"
"""Axes in the order in which images have them: images, then those of space."""


def arranged(found, path, volume, axes):
    """Return images of shape (n, *spatial), and the place of their voxels."""
    array = found.array
    if axes is not None:
        found, volume = _by_letters(found, path, volume, axes)
    elif found.doubt:
        raise ValueError(f"cannot read {path}: {found.doubt}")
    elif volume is None:
        volume = found.volumetric and array.ndim > 2 and array.shape[0] > 1
    array = found.array
    if array.ndim == 4 or (array.ndim == 3 and not volume):
        stack = array
    elif array.ndim == (3 if volume else 2):
        stack = array[None]
    else:
        wanted = "a volume (3 axes, or 4 for several)" if volume else "images (2, 3 or 4 axes)"
        raise ValueError(f"{path} must hold {wanted}, got shape {array.shape}.")
    return stack, _place(found, stack.ndim - 1)


def _by_letters(found, path, volume, axes):
    """Return what was found with its axes in the order of images, and whether it has volumes."""
    letters = axes.upper() if isinstance(axes, str) else ""
    if len(set(letters)) != len(letters) or not set("YX") <= set(letters) <= set(LETTERS):
        raise ValueError(f"axes must be some of the letters N, Z, Y and X once, got {axes!r}.")
    if len(letters) != found.array.ndim:
        raise ValueError(
            f"axes must name the {found.array.ndim} axes of {path}, of shape {found.array.shape}, "
            f"got {axes!r}."
        )
    has_volumes = "Z" in letters
    if volume is not None and volume != has_volumes:
        raise ValueError(f"volume must be None or {has_volumes} for axes={axes!r}, got {volume!r}.")
    order = [letters.index(letter) for letter in LETTERS if letter in letters]
    return found.transposed(order), has_volumes


def _place(found, n_axes):
    """Return spacing, origin and unit of the axes of space, which are the last ones."""
    place = {"spacing": found.spacing, "origin": found.origin, "unit": found.unit}
    for name in ("spacing", "origin"):
        values = place[name] and place[name][-n_axes:]
        if values is not None and all(value is None for value in values):
            values = None
        place[name] = values
    return place
