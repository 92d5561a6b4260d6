"""Pictures of images, their statistics and training.

Every display follows one convention. The constructor takes what was computed; class
methods ``from_estimator`` and ``from_images`` compute it and draw at once; ``plot`` draws
(again) into given or new axes, keeps what it drew in attributes that end in an underscore,
and returns the display. matplotlib is imported when the first picture is drawn.
"""

from ._augmentation import AugmentationCurveDisplay
from ._distribution import DescriptorDistributionDisplay
from ._history import HistoryDisplay
from ._interpolation import InterpolationDisplay
from ._occlusion import OcclusionDisplay
from ._prediction import PredictionDisplay
from ._sample_grid import SampleGridDisplay
from ._target import TargetDisplay
from ._traversal import TraversalDisplay
from ._two_point import TwoPointDisplay
from ._volume import VolumeDisplay

__all__ = [
    "AugmentationCurveDisplay",
    "DescriptorDistributionDisplay",
    "HistoryDisplay",
    "InterpolationDisplay",
    "OcclusionDisplay",
    "PredictionDisplay",
    "SampleGridDisplay",
    "TargetDisplay",
    "TraversalDisplay",
    "TwoPointDisplay",
    "VolumeDisplay",
]
