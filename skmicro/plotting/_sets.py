"""Labelled sets of images, ``{label: images}``, and what descriptors say of them."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ..descriptors import descriptor_named, new_descriptor, with_borders
from ..images import check_stack, looks_periodic, wraps_around


def check_generator(generator, methods=("fit", "sample")):
    """Raise unless ``generator`` is a fitted object with these methods."""
    is_class = isinstance(generator, type)
    if is_class or not all(hasattr(generator, method) for method in methods):
        got = f"the class {generator.__name__}" if is_class else type(generator).__name__
        raise TypeError(f"generator must be a fitted generator, got {got}.")
    try:
        check_is_fitted(generator)
    except NotFittedError:
        got = f"{type(generator).__name__} before fit"
        raise NotFittedError(f"generator must be fitted, got {got}.") from None


def check_sets(images, display):
    """Return ``{label: images}`` with checked images of one common shape, for a display."""
    if not isinstance(images, dict):
        raise TypeError(
            f"images must be a dictionary of images by label, got {type(images).__name__}."
        )
    if not images:
        raise ValueError("images must hold at least one set, got none.")
    shape, sets = None, {}
    for label, stack in images.items():
        name = f"images[{label!r}]" if label != "" else "images"
        sets[label] = check_stack(name, stack, shape, refused_by=display)
        shape = sets[label].shape[1:]
    return sets


def check_count(name, values, n_values):
    """Raise unless there are ``n_values`` values."""
    if len(values) != n_values:
        raise ValueError(f"{name} must hold {n_values} values, got {len(values)}.")


def output_names(names, n_outputs):
    """Return what the outputs of a regressor are called: ``names``, or numbers if several."""
    if names is None:
        return [""] if n_outputs == 1 else [f"output {k}" for k in range(n_outputs)]
    check_count("names", names, n_outputs)
    return [str(name) for name in names]


def samples_of(generator, n_samples, random_state, **options):
    """Return generated images of shape (n, *spatial), flat rows being unfolded."""
    images = generator.sample(n_samples, random_state=random_state, **options)
    return images.reshape(-1, *generator.image_shape_)


def check_real_images(generator, X, display, name="X"):
    """Return real images of the shape and with the phases that the generator knows."""
    images = check_stack(name, X, generator.image_shape_, refused_by=display)
    generator.encoder_.check(images, name)
    return images


def real_and_generated(generator, X, n_samples, random_state, display):
    """Return real images and as many generated ones (or ``n_samples``) as labelled sets."""
    real = check_real_images(generator, X, display)
    n_samples = len(real) if n_samples is None else n_samples
    return {"real": real, "generated": samples_of(generator, n_samples, random_state)}


def measure_of(generator, descriptor):
    """Return a descriptor, for a name the one that the generator's ``sample`` takes it for."""
    if not isinstance(descriptor, str):
        return descriptor
    return new_descriptor(descriptor, wraps_around(generator), "descriptor")


def describe(descriptor, sets, phases=None):
    """Return a descriptor, fitted to all sets and ``phases``, and what it says of each set.

    One that leaves open whether images wrap around does so where all sets do.
    """
    stacks = list(sets.values())
    if phases is not None:
        stacks.append(np.resize(phases, (1, *stacks[0].shape[1:])))
    if isinstance(descriptor, str):
        unfitted = descriptor_named(descriptor, "descriptor")()
    elif hasattr(descriptor, "transform"):
        unfitted = clone(descriptor)
    else:
        raise TypeError(f"descriptor must be a name or a descriptor, got {descriptor!r}.")
    periodic = all(looks_periodic(stack) for stack in sets.values())
    fitted = with_borders(unfitted, periodic).fit(np.concatenate(stacks))
    return fitted, {label: np.asarray(fitted.transform(stack)) for label, stack in sets.items()}
