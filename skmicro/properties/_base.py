"""What all properties share: values for each phase, one image at a time, several workers."""

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .. import _arrays, rules
from .._checks import check_n_jobs, check_real
from .._warnings import warn_user
from ..descriptors import BaseDescriptor
from ..exceptions import EstimateWarning, GreyLevelWarning
from ..parameters import parameter


class BaseProperty(BaseDescriptor):
    """A physical property of images: a descriptor with material parameters for each phase.

    Subclasses implement :meth:`_solve` instead of ``_describe``. What they compute of an image
    never depends on other images.
    """

    _doubt = "is not to be trusted."
    n_jobs: int | None = parameter(
        None,
        rules.optional(rules.Rule("int", check_n_jobs)),
        "Processes, through joblib; ``None`` means one, -1 for all cores.",
    )
    device: str | torch.device = parameter("auto", rules.device(), "Where to compute.")
    precision: str = parameter(
        "float64",
        rules.precision(),
        'Type of the fields; ``"auto"`` means single precision.',
    )

    def _solve(self, shares):
        """Return the property of images, and a mark of each by which it may be doubted.

        Parameters
        ----------
        shares : Tensor of shape (n, n_phases, *spatial)
            Share of each phase in every voxel.

        Returns
        -------
        values : Tensor of shape (n, n_features)
            One row for each image.
        marks : Tensor of shape (n,) or None
            Values that :meth:`_warn_of` checks; ``None`` if there is nothing to check.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _solve, got none.")

    def _describe(self, images):
        values, marks = self._solve(self._phase_shares(images))
        if marks is not None:
            self._warn_of(marks.detach().cpu().numpy())
        return values

    def _transformed(self, images, device):
        if self.phases_ is None and (images.min() < 0 or images.max() > 1):
            warn_user(
                f"{type(self).__name__} reads grey levels as shares of the second of two phases "
                f"and clips them to [0, 1], got {images.min():g} to {images.max():g}.",
                GreyLevelWarning,
            )
        where = _arrays.resolve_device(self.device)
        n_block = max(1, _arrays.BATCH_VOXELS // self.n_features_in_)
        blocks = [images[start : start + n_block] for start in range(0, len(images), n_block)]
        solved = Parallel(n_jobs=self.n_jobs)(
            delayed(_solved)(self, block, str(where)) for block in blocks
        )
        values, marks = (np.concatenate(parts) for parts in zip(*solved, strict=True))
        self._warn_of(marks)
        return torch.as_tensor(values, device=device)

    def _phase_shares(self, images):
        """Return shares of phases; grey levels, from 0 to 1, are shares of the second of two."""
        if getattr(self, "phases_", None) is not None or images.shape[1] > 1:
            return images
        share = images.clamp(0, 1)
        return torch.cat([1 - share, share], dim=1)

    def _phase_labels(self):
        """Return the labels to which values belong; the ends of grey levels."""
        check_is_fitted(self)
        return [0, 1] if self.phases_ is None else self.phases_.tolist()

    def _warn_of(self, marks):
        """Warn of images whose values are to be doubted: those with a mark above 0."""
        doubtful = np.flatnonzero(marks > 0)
        if len(doubtful):
            warn_user(
                f"{type(self).__name__} of image {listed(doubtful)} {self._doubt}", EstimateWarning
            )


def listed(rows, form=str):
    """Write the first rows of a stack, and how many there are beyond."""
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return ", ".join(map(form, rows[:5])) + more


def _solved(estimator, images, device):
    """Return values and marks of a block of images as arrays; runs in any process."""
    dtype = _arrays.resolve_precision(estimator.precision)
    batch_size = 1 if device == "cpu" else _arrays.inference_batch_size(images.shape[1:])
    n_features = estimator._n_features()

    def solve(index):
        channels = estimator.encoder_.encode(images[index], device, dtype)
        shares = estimator._phase_shares(estimator.encoder_.physical(channels))
        values, marks = estimator._solve(shares)
        values = estimator._of_shape((len(index), n_features), values).cpu()
        marks = values.new_zeros(len(index)) if marks is None else marks.cpu()
        return torch.cat([values, marks.to(values.dtype).unsqueeze(1)], dim=1)

    with torch.no_grad():
        rows = _arrays.map_batches(solve, len(images), batch_size).numpy()
    return rows[:, :-1], rows[:, -1]


def values_of_phases(name, values, labels, low, high=np.inf, **bounds):
    """Return one number for each phase, in the order of the sorted labels.

    Values come by label, or in this order; ``bounds`` are further arguments of ``check_real``.
    Raises TypeError if they are neither a dictionary nor a sequence of numbers, ValueError if a
    phase has none, or one is out of bounds; errors call them ``name``.
    """
    if isinstance(values, dict):
        missing = [label for label in labels if label not in values]
        if missing:
            raise ValueError(
                f"{name} must have a value for each of the phases {labels}, got none for {missing}."
            )
        numbers = [values[label] for label in labels]
    elif isinstance(values, (list, tuple, np.ndarray)):
        numbers = list(values)
        if len(numbers) != len(labels):
            raise ValueError(
                f"{name} must have a value for each of the phases {labels}, got {values!r}."
            )
    else:
        raise TypeError(
            f"{name} must be a sequence of numbers or a dictionary from phase to number, "
            f"got {values!r}."
        )
    for number in numbers:
        check_real(name, number, low, high, **bounds)
    return [float(number) for number in numbers]
