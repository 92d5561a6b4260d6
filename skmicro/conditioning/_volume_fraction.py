"""The target ``volume_fraction``: of which phase it is can be said, ``volume_fraction={0: 0.3}``.

It becomes a target of a descriptor that the generator has for a condition wherever the values
given determine it; the fraction of one phase of two determines that of the other.
"""

import numpy as np

from ..descriptors import VolumeFraction
from ._numbers import target_numbers

VOLUME_FRACTION = "volume_fraction"
FRACTION, FRACTIONS = VolumeFraction.name, "phase_fractions"


def fraction_in_terms_of(value, table, encoder, n_samples):
    """Return which target a volume fraction is.

    Parameters
    ----------
    value : float, array-like or dict
        The fraction of the phase that ``p1`` is of, or fractions by label: one phase, all of them
        or all but one. Fractions are scalars or arrays (n_samples,).
    table : ConditionTable
        The generator's own conditions.
    encoder : PhaseEncoder or GreyEncoder
        Encoding of the images.
    n_samples : int
        Number of images.

    Returns
    -------
    name : str
        Name of the target.
    phase : int or None
        The phase of a descriptor that has to be made for it, whose name that is not.
    value : any
        Its value, as ``sample`` takes it under that name.

    Raises
    ------
    ValueError
        If a label is unknown, fractions have a wrong length, or too few or too many are given.
    """
    own = {descriptor.name: descriptor for descriptor in table.descriptors}
    main = getattr(own.get(FRACTION), "phase", None)
    if not isinstance(value, dict):
        if encoder.phases is None or encoder.n_channels != 2:
            return FRACTION, None, value
        value = {encoder.phases[encoder.channel_of(main)]: value}
    channels = [_channel(phase, encoder) for phase in value]
    if len(channels) == 1 and encoder.n_channels > 2:
        ((phase, fraction),) = value.items()
        is_main = channels == [encoder.channel_of(main)]
        return (FRACTION, None, fraction) if is_main else (VOLUME_FRACTION, phase, fraction)
    rows = _completed(list(value.values()), channels, encoder, n_samples)
    if encoder.n_channels > 2 or (FRACTIONS in own and FRACTION not in own):
        return FRACTIONS, None, rows
    return FRACTION, None, rows[:, encoder.channel_of(main)]


def _channel(phase, encoder):
    if encoder.phases is None:
        raise ValueError(
            f"target {VOLUME_FRACTION} must be a number for grey levels, which have no phases, "
            f"got one of phase {phase!r}."
        )
    return encoder.channel_of(phase, f"target {VOLUME_FRACTION}: a phase")


def _completed(fractions, channels, encoder, n_samples):
    """Return the fractions of all phases, (n_samples, C)."""
    n_left = encoder.n_channels - len(channels)
    if n_left > 1 or len(channels) == 0:
        raise ValueError(
            f"target {VOLUME_FRACTION} must give one of the phases {encoder.phases.tolist()}, all "
            f"of them or all but one, got {encoder.phases[sorted(channels)].tolist()}."
        )
    rows = np.zeros((n_samples, encoder.n_channels))
    for channel, fraction in zip(channels, fractions, strict=True):
        rows[:, channel] = _numbers(fraction, n_samples)
    if n_left:
        (left,) = set(range(encoder.n_channels)) - set(channels)
        rows[:, left] = 1.0 - rows.sum(axis=1)
    elif not np.allclose(rows.sum(axis=1), 1.0):
        raise ValueError(
            f"target {VOLUME_FRACTION} must sum to 1 over the phases, got {rows[0].sum():g}."
        )
    if rows.min() < 0.0:
        raise ValueError(
            f"target {VOLUME_FRACTION} must not give a negative fraction, got {rows.min():.4g}."
        )
    return rows


def _numbers(fraction, n_samples):
    numbers = target_numbers(VOLUME_FRACTION, fraction)
    if numbers.shape not in ((), (n_samples,), (n_samples, 1)):
        raise ValueError(
            f"target {VOLUME_FRACTION} must be a scalar or an array of shape (n_samples,) = "
            f"({n_samples},) for each phase, got shape {numbers.shape}."
        )
    outside = ~((numbers >= 0.0) & (numbers <= 1.0))
    if outside.any():
        raise ValueError(
            f"target {VOLUME_FRACTION} must lie in [0, 1], got {numbers[outside].flat[0]}."
        )
    return numbers.ravel()
