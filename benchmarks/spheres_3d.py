"""Spheres in a matrix, the first example of Henkes and Wessels 2022: Tables 2 and 3, Figs. 4 to 6.

Volumes of 32^3 voxels with spheres of radius 4 that fill a fifth and do not overlap (``--overlap``:
they may, as those of the paper do). Generators learn ``--n-training`` of them, on the CPU for
``--minutes`` each, and are compared with volumes that they have not seen.

Columns: mean relative errors of pairs of a sample and a real volume (Eq. 34) of volume fraction,
two-point correlation and C11 (Young's moduli 1e3 and 1e4, Poisson's ratios 0.4 and 0.1; periodic
full fields), mean and standard deviation of p1, mean C11 over that of real volumes, anisotropy of
the mean stiffness (1 is isotropic), mean k11 at contrast 10, error of the mean correlation, mean
surface and Euler number over those of real volumes, and the share of the largest cluster of either
phase. The row *real* compares real volumes with others: no generator can be expected to do better.

The paper's networks need a CUDA device; ``--checkpoints`` lets several runs add up:

    python benchmarks/spheres_3d.py
    python benchmarks/spheres_3d.py --models growing constant equivariant --device cuda \\
        --filters 32 16 --minutes 60 --n-training 10000 --sigma 0.1 1 10 --checkpoints runs
"""

from _tables import HOMOGENEOUS, argument_parser, read_arguments
from _volumes import add_options, compare

from skmicro.datasets import make_spheres

SHAPE = (32, 32, 32)
PUBLISHED = {
    "growing critic, 1e5 iterations (E_p1, E_p2, E_C11)": (4.660e-2, 2.786e-2, 7.266e-3),
    "constant critic": (1.378e-1, 6.892e-2, 6.399e-2),
    "best, 2e6 iterations": (3.464e-2, 2.438e-2, 3.907e-3),
}


def main():
    """Draw the spheres and compare the generators."""
    parser = argument_parser(__doc__, n_samples=64)
    add_options(parser)
    parser.add_argument("--overlap", action="store_true", help="spheres may overlap")
    arguments = read_arguments(parser)
    n = arguments.n_training + 2 * arguments.n_samples
    volumes, _ = make_spheres(n, SHAPE, overlap=arguments.overlap, random_state=arguments.seed)
    compare("spheres_3d", volumes, True, HOMOGENEOUS, arguments, PUBLISHED)


if __name__ == "__main__":
    main()
