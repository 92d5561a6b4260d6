"""Generative models for material microstructure images, in the manner of scikit-learn."""

from ._version import __version__
from .images import extract_patches, segment, split_patches
from .io import read_images, write_images, write_voxel_mesh
from .persistence import load
from .utils import show_versions

__all__ = [
    "__version__",
    "extract_patches",
    "load",
    "read_images",
    "segment",
    "show_versions",
    "split_patches",
    "write_images",
    "write_voxel_mesh",
]
