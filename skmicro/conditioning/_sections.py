"""Conditions of volumes whose sections are images with conditions of their own.

Of a volume as a whole phase fractions can be targets, and process variables of the
material; all other conditions are those of each section.
"""

import numpy as np

from ..descriptors import PhaseFractions, VolumeFraction
from ._process import ProcessVariable
from ._table import ConditionTable
from ._targets import Target

NORMAL = "normal"
"""Process variable that says across which axis of the material, 0, 1 or 2, an image was cut."""


def volume_conditions(table, encoder, shape, periodic):
    """Return the conditions of volumes, with one row: the means of the training images.

    ``table`` is that of the images, which has measured their phase fractions. Raises ValueError
    if it has not.
    """
    if PhaseFractions.name not in [descriptor.name for descriptor in table.measured]:
        raise ValueError(
            "the generator must know the mean phase fractions of its training images to make "
            "volumes of sections, got one from a file of an earlier version; fit it again."
        )
    variables = [name for name in table.variables if name != NORMAL]
    items = [PhaseFractions(), *(ProcessVariable(name) for name in variables)]
    volumes = ConditionTable(items, encoder, shape, periodic=periodic)
    known = [table.measured_rows, *(table.rows[:, table.places[name]] for name in variables)]
    volumes.rows = np.hstack([rows.mean(axis=0, keepdims=True) for rows in known])
    return volumes


def volume_targets(targets, table):
    """Return targets of a call as those of volumes, whose conditions are ``table``.

    The fraction of one phase leaves the others in the proportions of the training images. Raises
    ValueError if a target is no condition of volumes, or fractions are given twice.
    """
    own = {descriptor.name: descriptor for descriptor in table.descriptors}
    found = {}
    for target in targets:
        name, values = target.name, target.values
        if isinstance(target.descriptor, VolumeFraction):
            typical = table.rows[0, : len(target.descriptor.phases_)]
            channel = target.descriptor.encoder_.channel_of(target.descriptor.phase)
            name, values = PhaseFractions.name, _of_every_phase(values, channel, typical)
        if name not in own or name in found:
            raise ValueError(
                "targets of volumes made of sections must be one phase fraction and process "
                f"variables, got {[target.name for target in targets]}."
            )
        found[name] = Target(name, own[name], values)
    return list(found.values())


def _of_every_phase(values, channel, typical):
    """Return fractions (n, n_phases) from those of one phase, (n, 1)."""
    others = np.delete(typical, channel)
    others = others if others.any() else np.ones_like(others)
    rest = (1.0 - values) * others / max(others.sum(), 1e-12)
    return np.insert(rest, channel, values[:, 0], axis=1)
