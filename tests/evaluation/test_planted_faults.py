"""Faults that earlier reports missed are flagged, and perfect images are not.

``benchmarks/evaluation_power.py`` measures how often, with larger images and more repetitions.
"""

import numpy as np
import pytest
from scipy import ndimage

from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import evaluate
from skmicro.generators import GaussianRandomField

N = 60


def simulated(shape=(32, 32), fractions=(0.3, 0.7), n=N, seed=1):
    options = {"volume_fraction": fractions, "n_steps": 120, "random_state": seed}
    images = make_cahn_hilliard(n, shape, **options)[0]
    zoom = (1, *(32 / side for side in shape))
    grey = ndimage.zoom(images.astype(float), zoom, order=1, mode="grid-wrap", grid_mode=True)
    return (grey > 0.5).astype(np.uint8)


@pytest.fixture(scope="module")
def real():
    return np.split(simulated(n=3 * N, seed=0), 3)


def with_copies(real):
    images = real[2].copy()
    images[5:7] = np.rot90(np.roll(real[0][:2], (9, 4), (1, 2)), axes=(1, 2))
    return images


def quilts(real):
    rng = np.random.default_rng(0)
    quarters = [real[0][rng.permutation(N)] for _ in range(4)]
    for images in quarters:
        images[:] = np.roll(images, tuple(rng.integers(0, 32, 2)), (1, 2))
    first, second, third, fourth = quarters
    top = np.concatenate([first[:, :16, :16], second[:, :16, :16]], axis=2)
    return np.concatenate([top, np.concatenate([third, fourth], axis=2)[:, :16, 8:40]], axis=1)


def middles(images, function):
    """Return the middles of images that were transformed with their repetitions around."""
    found = []
    for image in images:
        whole = function(np.tile(image, (3, 3)).astype(float))
        first = (len(whole) - 32) // 2
        found.append(whole[first : first + 32, first : first + 32] > 0.5)
    return np.array(found, np.uint8)


def turned(real):
    return middles(real[0], lambda x: ndimage.rotate(x, 10, reshape=False, order=1))


def zoomed(real):
    return middles(real[0], lambda x: ndimage.zoom(x, 1.1, order=1))


def random_field(real):
    return GaussianRandomField(random_state=0).fit(real[0]).sample(N)


FAULTS = {
    "low fractions missing": (lambda real: simulated(fractions=(0.38, 0.7)), "p1 outside"),
    "turned": (turned, "local memorisation mean"),
    "zoomed": (zoomed, "memorisation mean"),
    "random field": (random_field, "specific_surface adjusted difference"),
    "half the spread": (lambda real: simulated(fractions=(0.4, 0.6)), "p1 spread"),
    "two copies": (with_copies, "memorised share"),
    "dilated": (lambda real: ndimage.grey_dilation(real[0], (1, 2, 2)), "memorisation mean"),
    "patchwork": (quilts, "local memorisation mean"),
    "larger": (lambda real: simulated((28, 28)), "specific_surface adjusted difference"),
    "stretched": (lambda real: simulated((32, 24)), "p2 anisotropy"),
    "exchanged phases": (lambda real: 1 - real[0], "memorisation mean"),
}


@pytest.mark.representatives("random field", "two copies", "patchwork")
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_flagged(real, fault):
    make, name = FAULTS[fault]
    report = evaluate(make(real), real[0], real[1], random_state=0, n_bootstrap=10)
    assert report.p_value < 0.05
    assert report[name].p_value < 0.05


@pytest.mark.slow
def test_missing_modes_are_flagged(real):
    kinds = [real[0][:N], simulated((32, 16), n=N, seed=5), simulated((16, 16), n=N, seed=6)]
    training, test = (np.concatenate([kind[k::3][:20] for kind in kinds]) for k in (0, 1))
    report = evaluate(real[2], training, test, random_state=0, n_bootstrap=10)
    for name in ("p2 adjusted error", "coverage"):
        assert report[name].p_value < 0.05, name


def test_fractions_shifted_by_three_percent_are_flagged():
    training, test = np.split(simulated(fractions=(0.45, 0.55), n=2 * N, seed=2), 2)
    images = simulated(fractions=(0.48, 0.58), seed=3)
    report = evaluate(images, training, test, random_state=0, n_bootstrap=10)
    assert report["p1 mean"].p_value < 0.05
    assert report["p1 mean"].value == pytest.approx(0.53, abs=0.02)


@pytest.mark.representatives("0")
@pytest.mark.parametrize("k", range(3))
def test_real_images_are_not_flagged(real, k):
    images, training, test = (real[(k + i) % 3] for i in range(3))
    assert evaluate(images, training, test, random_state=k, n_bootstrap=10).p_value > 0.05
