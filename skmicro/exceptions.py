"""Warnings and errors of their own kind, so that users can filter or catch them."""


class ExtrapolationWarning(UserWarning):
    """A target lies outside what the training images covered."""


class TargetWarning(UserWarning):
    """Some samples miss their target by more than ``target_tol``."""


class ImageShapeWarning(UserWarning):
    """Flat rows came without ``image_shape`` and are read as 1 x n images."""


class TrainingInterruptedWarning(UserWarning):
    """Training was interrupted by the user; the estimator holds the state reached."""


class DivergenceError(RuntimeError):
    """Training produced a loss that is not finite."""
