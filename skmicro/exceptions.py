"""Warnings and errors of their own kind, so that users can filter or catch them."""


class ExtrapolationWarning(UserWarning):
    """A target lies outside what the training images covered."""


class TargetWarning(UserWarning):
    """Some samples miss their target by more than ``target_tol``."""


class ImageShapeWarning(UserWarning):
    """The shape of images was guessed, or it is one for which a method does worse."""


class BorderWarning(UserWarning):
    """Images are said to be periodic, and their opposite borders do not match."""


class CoverageWarning(UserWarning):
    """Too few images were set apart for intervals of a coverage, which are of infinite width."""


class DistributionWarning(UserWarning):
    """Properties of generated images are distributed otherwise than those of real ones."""


class EstimateWarning(UserWarning):
    """An estimate left the range in which it can be true, or ended where its search ends."""


class ForkWarning(RuntimeWarning):
    """A process was forked after torch had used threads, and computes with one thread."""


class GreyLevelWarning(UserWarning):
    """Grey levels lie outside [0, 1], where they are shares of phases."""


class LabelWarning(UserWarning):
    """Labels may not be the phases: they look like rims of a few, or there is one only."""


class LongTrainingWarning(UserWarning):
    """At its pace so far, a training is going to take more than an hour."""


class OldFileWarning(UserWarning):
    """A file of an earlier revision has no digest to detect damage."""


class OverlapWarning(UserWarning):
    """Images evaluated as independent overlap, or are patches of few regions."""


class ThresholdWarning(UserWarning):
    """The threshold between phases was moved so far that many voxels of an image changed phase."""


class TrainingInterruptedWarning(UserWarning):
    """Training was interrupted by the user; the estimator holds the state reached."""


class DivergenceError(RuntimeError):
    """Training produced a loss that is not finite."""


class NotASavedFileError(ValueError):
    """A file is not one that this library wrote, or has changed since.

    The message names the path and what is wrong. Raised by :func:`skmicro.load` for models, and by
    ``fit`` for checkpoints.
    """
