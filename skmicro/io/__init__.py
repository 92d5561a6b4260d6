"""Images and volumes in files: TIFF, PNG, VTK, MetaImage, NRRD, HDF5, MATLAB, NumPy, voxel meshes.

In memory a set of images is one array of shape (n, H, W) or (n, D, H, W). A file with
three axes can mean n images or one volume; ``volume=True`` says the latter. Files are
read without executing any of their content, and written beside their destination and
moved into place when complete.

Where a format has coordinates, x runs along the last axis of an image, y along the one
before, z along the first of a volume. What belongs to axes, such as ``spacing``, is given
in the order of the axes.
"""

from ._read import read_images
from ._voxel_mesh import write_voxel_mesh
from ._write import write_images

__all__ = ["read_images", "write_images", "write_voxel_mesh"]
