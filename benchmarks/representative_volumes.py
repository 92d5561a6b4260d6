"""How often intervals of ``representative_volume`` contain the volume fraction of the material.

Images are cut from fields without end: level cuts of Gaussian fields with covariances of three
kinds, and discs or balls that overlap (a Boolean model), of which the true fraction is known.
Every row has ``--n-images`` single images. Columns: share of 95 % intervals that contain the
fraction; the same with the quantile 1.96 of a known variance instead of Student's t, and without
the correction for the images' own mean; the same of the intervals of ImageRep; standard deviation
of fractions of images over the root mean estimated variance; median degrees of freedom; and, where
``--surface`` is given, coverage of specific surfaces from 16 or 27 windows.

    python benchmarks/representative_volumes.py --n-images 1000
"""

import argparse

import numpy as np
from _imagerep import imagerep_interval
from _results import write_results
from _tables import print_rows
from scipy import ndimage, stats
from scipy.fft import irfftn, rfftn

from skmicro.descriptors import SpecificSurface
from skmicro.evaluation import _mean_variance, representative_volume

CASES = (
    ("smooth field", 3.0, 0.3, (48, 48), False),
    ("smooth field", 3.0, 0.3, (128, 128), False),
    ("smooth field", 3.0, 0.1, (128, 128), False),
    ("smooth field", 6.0, 0.3, (128, 128), False),
    ("smooth field", 3.0, 0.3, (96, 96), True),
    ("rough field", 3.0, 0.3, (128, 128), False),
    ("waves", 3.0, 0.3, (128, 128), False),
    ("discs", 4.0, 0.3, (64, 64), False),
    ("discs", 4.0, 0.3, (160, 160), False),
    ("discs", 4.0, 0.3, (256, 256), False),
    ("smooth field", 3.0, 0.3, (32, 32, 32), False),
    ("smooth field", 3.0, 0.3, (32, 32, 32), True),
    ("balls", 4.0, 0.2, (48, 48, 48), False),
)
COLUMNS = {
    "material": ("material", ""),
    "length": ("length", ".0f"),
    "fraction": ("fraction", ".2f"),
    "shape": ("shape", ""),
    "periodic": ("periodic", ""),
    "covered": ("covered", ".1%"),
    "plain": ("plain", ".1%"),
    "imagerep": ("ImageRep", ".1%"),
    "spread": ("true/estimated", ".2f"),
    "freedom": ("freedom", ".0f"),
    "surface": ("surface", ".1%"),
}


def images_of(material, length, fraction, shape, periodic, rng):
    """Return one image of a material with a given expected volume fraction."""
    whole = shape if periodic else tuple(side + int(8 * length) for side in shape)
    inside = tuple(slice(0, side) for side in shape)
    if material in ("discs", "balls"):
        n_axes = len(shape)
        volume = {2: np.pi * length**2, 3: 4 / 3 * np.pi * length**3}[n_axes]
        n = rng.poisson(-np.log1p(-fraction) * np.prod(whole) / volume)
        return _covered(rng.random((n, n_axes)) * whole, length, whole)[inside]
    squares = np.add.outer(
        sum(np.ix_(*[(2 * np.pi * np.fft.fftfreq(side)) ** 2 for side in whole[:-1]])),
        (2 * np.pi * np.fft.rfftfreq(whole[-1])) ** 2,
    )
    if material == "smooth field":
        gain = np.exp(-squares * length**2 / 4)
    elif material == "rough field":
        gain = (1 + squares * length**2) ** (-(len(shape) + 1) / 4)
    else:
        center = 2 * np.pi / (4 * length)
        gain = np.exp(-(4 * np.square((np.sqrt(squares) - center) / center)))
    field = irfftn(rfftn(rng.standard_normal(whole)) * gain, s=whole)
    spread = np.sqrt(irfftn(gain**2, s=whole).flat[0])
    return (field / spread > stats.norm.isf(fraction))[inside]


def _covered(centers, radius, shape):
    """Return the voxels of a periodic box whose centres lie in balls around given points.

    To a quarter of a voxel, which is where points are moved to.
    """
    fine = tuple(4 * side for side in shape) if len(shape) == 2 else shape
    scale = fine[0] // shape[0]
    points = np.zeros(fine, bool)
    points[tuple((np.floor(centers * scale).astype(int) % fine).T)] = True
    reach = int(np.ceil(radius * scale)) + 1
    distance = ndimage.distance_transform_edt(~np.pad(points, reach, mode="wrap"))
    inner = tuple(slice(reach, side + reach, scale) for side in fine)
    return distance[inner] < radius * scale


def row_of(case, arguments):
    """Return the row of a material and a size of images."""
    rng = np.random.default_rng(arguments.seed)
    material, length, fraction, shape, periodic = case
    images = [images_of(*case, rng).astype(np.uint8) for _ in range(arguments.n_images)]
    found = [representative_volume(image[None], periodic=periodic) for image in images]
    parts = [_mean_variance.mean_variance(image[None] == 1, periodic) for image in images]
    means = np.array([volume.mean for volume in found])
    truth = fraction if material not in ("discs", "balls") else means.mean()
    plain = [_plain_half(image, part, periodic) for image, part in zip(images, parts, strict=True)]
    published = np.array([imagerep_interval(image) for image in images])
    row = {
        "material": material,
        "length": length,
        "fraction": fraction,
        "shape": " x ".join(map(str, shape)),
        "periodic": str(periodic),
        "covered": float(np.mean([v.low <= truth <= v.high for v in found])),
        "plain": float(np.mean(np.abs(means - truth) <= plain)),
        "imagerep": float(np.mean((published[:, 0] <= truth) & (truth <= published[:, 1]))),
        "spread": float(
            np.sqrt(np.square(means - truth).mean() / np.mean([part.variance for part in parts]))
        ),
        "freedom": float(np.median([part.degrees_of_freedom for part in parts])),
        "surface": None,
    }
    if arguments.surface and not periodic:
        surface = SpecificSurface(periodic=False)
        truth = surface.fit_transform(np.stack(images)).mean()
        values = [representative_volume(image[None], surface) for image in images]
        row["surface"] = float(np.mean([v.low <= truth <= v.high for v in values]))
    return row


def _plain_half(image, part, periodic):
    """Return half an interval of a variance that is taken for known and not corrected."""
    products, pairs, lengths = _mean_variance.products_of(image[None] == 1, part.mean, periodic)
    total = float(image.size)
    reach, _ = _mean_variance.range_of(products, pairs, lengths, image.shape, total)
    weights = np.clip(2.0 - lengths / reach, 0.0, 1.0)
    return 1.96 * np.sqrt(max((weights * products).sum(), 0.0)) / image.size


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--n-images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--surface", action="store_true", help="of surfaces as well")
    arguments = parser.parse_args()
    rows = [row_of(case, arguments) for case in CASES]
    print_rows(rows, COLUMNS)
    print("written to", write_results("representative_volumes", vars(arguments) | {"rows": rows}))


if __name__ == "__main__":
    main()
