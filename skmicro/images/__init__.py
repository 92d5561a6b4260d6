"""What an image is: checks, encoding, exact fractions, borders, patches, augmentation."""

from ._augmentation import (
    SYMMETRIES,
    Move,
    NormalTranslations,
    Symmetries,
    point_symmetries,
    quarter_turns,
)
from ._borders import borders_match, looks_periodic, resolve_periodic
from ._checks import (
    check_feature_names,
    check_image,
    check_images,
    check_latents,
    check_stack,
    is_flat,
    n_axes,
)
from ._encoding import GreyEncoder, PhaseEncoder, distinct_values, encoder_for
from ._estimator import EncodingEstimator, ImageEstimator, wraps_around
from ._exact_counts import balanced_offsets
from ._large import ChunkedImages, blocks_of, is_chunked
from ._patches import extract_patches, patch_blocks, split_patches
from ._segment import segment
from ._unknown import known_shares, known_voxels, refuse_unknown, separated

__all__ = [
    "SYMMETRIES",
    "ChunkedImages",
    "EncodingEstimator",
    "GreyEncoder",
    "ImageEstimator",
    "Move",
    "NormalTranslations",
    "PhaseEncoder",
    "Symmetries",
    "balanced_offsets",
    "blocks_of",
    "borders_match",
    "check_image",
    "check_images",
    "check_stack",
    "distinct_values",
    "encoder_for",
    "extract_patches",
    "is_chunked",
    "known_shares",
    "known_voxels",
    "looks_periodic",
    "point_symmetries",
    "quarter_turns",
    "resolve_periodic",
    "segment",
    "split_patches",
    "wraps_around",
]
