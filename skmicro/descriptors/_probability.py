"""The probability that a voxel is of a phase, where grey levels have to be read as one."""


def phase_probability(descriptor, images):
    """Return the field of a descriptor's ``phase``, between 0 and 1 for grey images too.

    Products of many voxels need this: they overflow for grey levels above 1.

    Parameters
    ----------
    descriptor : BaseDescriptor
        Has a parameter ``phase``.
    images : Tensor of shape (n, n_channels, *spatial)
        Phase probabilities, or one channel of grey levels.

    Returns
    -------
    probability : Tensor of shape (n, *spatial)
        The channel of the phase; grey levels are clipped to [0, 1].
    """
    field = descriptor._phase_field(images, descriptor.phase)
    return field.clamp(0, 1) if images.shape[1] == 1 else field
