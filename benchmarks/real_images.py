"""InvNet on real images: the table and the picture of the quickstart.

Needs the folder of real images named by the environment variable ``SKMICRO_DATA``:
patches of 64 x 64 of the two-phase images of ``materials_256.npz`` and of the
simulated blends of ``cahn_hilliard_thin_film_17x114x512.npz``.

    SKMICRO_DATA=FOLDER python benchmarks/real_images.py alloy thin_film
"""

import argparse
import os
from pathlib import Path

from _results import write_results
from _tables import patches_of, run

import skmicro
from skmicro.generators import InvNetGenerator

MATERIALS = ("alloy", "carbonate", "copolymer", "pmma", "pymks_1", "pymks_2")


def scans(folder, name):
    """Return the scans (n, H, W) of one material."""
    if name == "thin_film":
        return skmicro.read_images(folder / "cahn_hilliard_thin_film_17x114x512.npz", key="images")
    return skmicro.read_images(folder / "materials_256.npz", key=name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="+", choices=("thin_film", *MATERIALS))
    parser.add_argument("--pictures", help="folder for pictures")
    arguments = parser.parse_args()
    if "SKMICRO_DATA" not in os.environ:
        parser.error("SKMICRO_DATA must name the folder of real images")
    folder = Path(os.environ["SKMICRO_DATA"])
    for name in arguments.names:
        images = patches_of(scans(folder, name))
        print(f"\n{name}: {len(images)} patches")
        picture = Path(arguments.pictures) / f"{name}.png" if arguments.pictures else None
        generator = InvNetGenerator.light(
            periodic=False, symmetries=("reflection", "rotation"), random_state=0
        )
        result = run(generator, images, periodic=False, n_samples=1000, picture=picture)
        print("written to", write_results(f"real_images_{name}", {"seed": 0, **result}))


if __name__ == "__main__":
    main()
