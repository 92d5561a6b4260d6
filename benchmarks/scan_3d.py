"""From one scan to many volumes, the second example of Henkes and Wessels 2022: Table 4.

The scan is Berea sandstone from the folder of real images named by ``SKMICRO_DATA``; the paper's,
of a wood-plastic composite, is not public. Patches of ``--side`` voxels lie at positions of a Latin
hypercube (Sec. 5), those to train on in the first two thirds of the scan and the others in the last
third. Columns are those of ``spheres_3d.py``; correlations, surfaces and clusters do not wrap
around the borders here, full fields do.

    SKMICRO_DATA=FOLDER python benchmarks/scan_3d.py --side 32
    SKMICRO_DATA=FOLDER python benchmarks/scan_3d.py --side 64 --models growing --filters 64 8 \\
        --device cuda --minutes 60 --checkpoints runs
"""

import os
from pathlib import Path

import numpy as np
from _tables import HOMOGENEOUS, argument_parser, read_arguments
from _volumes import add_options, compare

import skmicro
from skmicro.images import extract_patches

PUBLISHED = {
    "table 4 (E_p1, E_p2, E_C11)": (3.633e-2, 5.121e-2, 3.188e-2),
    "text of Sec. 5": (1.018e-2, 7.492e-2, 7.348e-3),
}


def main():
    """Cut the patches and compare the generators."""
    parser = argument_parser(__doc__, n_samples=64)
    add_options(parser)
    parser.add_argument("--side", type=int, default=32)
    arguments = read_arguments(parser)
    scan = skmicro.read_images(
        Path(os.environ["SKMICRO_DATA"]) / "berea_sandstone_200x400x400.npz"
    ).reshape(200, 400, 400)
    shape, cut = (arguments.side,) * 3, 2 * scan.shape[1] // 3
    parts = (scan[:, :cut], arguments.n_training), (scan[:, cut:], 2 * arguments.n_samples)
    volumes = [
        extract_patches(part, shape, n, method="latin-hypercube", random_state=arguments.seed)
        for part, n in parts
    ]
    symmetries = tuple(name for name in HOMOGENEOUS if name != "translation")
    compare("scan_3d", np.concatenate(volumes), False, symmetries, arguments, PUBLISHED)


if __name__ == "__main__":
    main()
