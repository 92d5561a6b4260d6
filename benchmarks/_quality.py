"""How good images of prescribed volume fractions are, and processor's times side by side."""

import time

import numpy as np
from _tables import nearest_images, relative_error

from skmicro.descriptors import EulerNumber, SpecificSurface, TwoPointCorrelation, VolumeFraction

N_NEAR = 200
S2, P1, SURFACE, EULER = (
    TwoPointCorrelation(periodic=True),
    VolumeFraction(),
    SpecificSurface(periodic=True),
    EulerNumber(periodic=True),
)
QUALITY_COLUMNS = {
    "bias": ("worst bias", ".4f"),
    "std": ("worst std", ".4f"),
    "s2": ("S2", ".2%"),
    "halves": ("real halves", ".2%"),
    "surface": ("surface", "+.1%"),
    "euler": ("Euler, sd", ".2f"),
}


def reference(images, targets):
    """Return what real images near each target are like."""
    fractions = P1.fit_transform(images)[:, 0]
    known = []
    for target in targets:
        near = nearest_images(images, fractions, target, N_NEAR)
        known.append([target] + [look.fit_transform(near) for look in (S2, SURFACE, EULER)])
    return known


def quality(stacks, known):
    """Return the metrics of images, one stack for each target, beside real ones.

    Largest bias and standard deviation of p1; mean errors of S2, of the surface (signed), and of
    the Euler number, in standard deviations of real images (NaN if these are all alike).
    """
    rows = []
    for samples, (target, curves, surface, euler) in zip(stacks, known, strict=True):
        made, mean = P1.transform(samples)[:, 0], curves.mean(axis=0)
        shift = EULER.transform(samples).mean() - euler.mean()
        rows.append(
            {
                "bias": abs(made.mean() - target),
                "std": made.std(),
                "s2": relative_error(S2.transform(samples).mean(axis=0), mean),
                "halves": relative_error(curves[::2].mean(axis=0), curves[1::2].mean(axis=0)),
                "surface": SURFACE.transform(samples).mean() / surface.mean() - 1.0,
                "euler": abs(shift) / (euler.std() or np.nan),
            }
        )
    worst = {key: float(max(row[key] for row in rows)) for key in ("bias", "std")}
    others = [key for key in rows[0] if key not in worst]
    return worst | {key: float(np.mean([row[key] for row in rows])) for key in others}


def interleaved_medians(functions, n_repeats):
    """Return the median processor's time of each of some functions, called in turn, by name."""
    times = {name: [] for name in functions}
    for _ in range(n_repeats):
        for name, function in functions.items():
            start = time.process_time()
            told = function()
            times[name].append(time.process_time() - start if told is None else told)
    return {name: float(np.median(values)) for name, values in times.items()}
