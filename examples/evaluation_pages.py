"""
A report one can send
=====================

Two generators learn from the same 120 images of a phase-separated material: a Gaussian random
field, which has their two-point correlation and little else of them, and a Wasserstein GAN,
trained for a minute. Each is compared with 120 other images. One page has what was found, pictures
included, another compares both generators, and a table is for a paper.

    python examples/evaluation_pages.py --output FOLDER

.. image:: /_static/evaluation_page.png
   :alt: A verdict, rows of generated and real images, and the images farthest from real ones
"""

# sphinx_gallery_thumbnail_path = '_static/evaluation_page.png'

import argparse
from pathlib import Path

from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import compare, evaluate
from skmicro.generators import WGANGP, GaussianRandomField


def main():
    """Train, evaluate and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--output", type=Path, help="folder to write pages and table to")
    parser.add_argument("--n-iter", type=int, default=300, help="iterations of the GAN")
    arguments = parser.parse_args()

    X, _ = make_cahn_hilliard(240, (32, 32), n_steps=200, random_state=0)
    X_train, X_test = X[:120], X[120:]
    generators = {
        "Gaussian random field": GaussianRandomField(periodic=True, random_state=0),
        "Wasserstein GAN": WGANGP.light(n_iter=arguments.n_iter, periodic=True, random_state=0),
    }
    reports = {
        name: evaluate(generator.fit(X_train), X_train, X_test, random_state=0)
        for name, generator in generators.items()
    }
    comparison = compare(reports)
    print(comparison)
    if arguments.output:
        reports["Gaussian random field"].to_html(arguments.output / "report.html")
        comparison.to_html(arguments.output / "comparison.html")
        (arguments.output / "table.tex").write_text(comparison.to_latex(), encoding="utf-8")


if __name__ == "__main__":
    main()
