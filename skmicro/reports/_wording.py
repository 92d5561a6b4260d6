"""What a report says in words: its verdict, what its rows are about, how to read them."""

import math
import re
from typing import NamedTuple

LEVEL = 0.05
"""Probability below which a difference counts as found."""

COPY = 0.99
"""Correlation above which an image repeats another one."""

N_NAMED = 4

KINDS = {
    "memorisation": (
        "Copies of training images",
        "How nearly images, or parts of them, repeat a training image, wherever that was rolled, "
        "flipped or turned to. Far above the real images, towards 1: copies.",
    ),
    "relative error": (
        "Mean curves",
        "How far the mean curve is from that of the test images, as a share of it. "
        "Further right than the real images: wrong on average.",
    ),
    "adjusted error": (
        "Mean curves at equal fractions of phases",
        "How far the mean curve is from that of the test images, after a regression on the "
        "fractions of phases: what is wrong besides these.",
    ),
    "Wasserstein": (
        "Distributions",
        "How far the distribution over the images is from that of the test images, in units of "
        "its spread. Further right than the real images: another mean, spread or shape.",
    ),
    "mean": ("Means", "The mean over the images, in the units of the descriptor."),
    "ratio": ("Ratios of means", "The mean over that of the test images. Right is 1."),
    "spread": (
        "Spreads",
        "The standard deviation over the images, over that of the test images. Right is 1.",
    ),
    "outside": (
        "Unusual values",
        "The share of images of either set with values beyond all those of the other. Further "
        "right than the real images: tails are wrong.",
    ),
    "adjusted difference": (
        "Means at equal fractions of phases",
        "The difference of the means after a regression on the fractions of phases, in standard "
        "deviations. Right is 0.",
    ),
    "anisotropy": (
        "Directions",
        "How far the differences between the axes are from those of the test images. Further "
        "right than the real images: directions are wrong.",
    ),
    "density": (
        "All descriptors together: density",
        "Whether generated images lie where real ones are. Below the real images: unlikely ones "
        "are generated.",
    ),
    "coverage": (
        "All descriptors together: coverage",
        "Whether all kinds of real images are generated. Below the real images: kinds are missing.",
    ),
    "diversity": (
        "Diversity",
        "How much images differ from each other, over how much the test images do. Below the real "
        "images: the generator repeats itself.",
    ),
}
"""Heading and advice for each kind of row, by the words its name ends with."""

COPIES = ("memorisation ", "memorised ", "local memorisation ")
"""What the names of rows on copies begin with."""

OTHERS = ("Further metrics", "Generated images are right as far as they lie where real ones do.")

SUBJECTS = {
    "p1": "volume fraction",
    "p2": "two-point correlation",
    "S2": "two-point correlation",
    "euler_number": "Euler number",
    "clusters_number": "number of clusters",
    "clusters_mean_size": "size of clusters",
    "clusters_largest_share": "share of the largest cluster",
    "clusters_percolation": "percolation",
}


class Verdict(NamedTuple):
    """A sentence, what limits it, and which of "differ", "copies", "alike" and "open" it is."""

    state: str
    sentence: str
    remark: str


def verdict(report):
    """Return the :class:`Verdict` of a report; what makes it doubtful is part of the remark."""
    state, sentence, remark = _verdict(report)
    if report.remarks and state == "alike":
        state = "open"
    return Verdict(state, sentence, " ".join([*report.remarks, remark]))


def _verdict(report):
    n, m = report.n_samples, len(report.metrics)
    apart = [row for row in report.metrics if differs(report, row)]
    copies = [row for row in apart if _is_copy(row)]
    apart = [row for row in apart if row not in copies]
    repeated = _about_copies(report, copies) if copies else ""
    if math.isnan(report.p_value):
        sentence = f"Of {m} metrics of {n} images, {_apart(apart)}."
        remark = (
            "Intervals apart are a sign of a difference and no test of it: of many rows, some are "
            "apart by chance."
        )
        return Verdict("copies" if copies else "open", sentence + repeated, remark)
    p = f"p {p_text(report.p_value, sign=True)}"
    if report.p_value <= LEVEL and (apart or not copies):
        names = f": {_subjects(apart)}" if apart else " in all metrics together"
        remark = (
            "Real images in their place would differ as much, by chance, in "
            f"{_share(report.p_value)} of such comparisons."
        )
        return Verdict("differ", f"These {n} images differ from real ones ({p}){names}.{repeated}",
                       remark)  # fmt: skip
    others = "No other difference" if copies else "No difference from real images"
    remark = (
        f"That is no proof that there is none: what is smaller than the intervals of these {n} "
        "images is not seen."
    )
    sentence = f"{others} is found among {m} metrics" + ("." if copies else f" ({p}).")
    return Verdict("copies" if copies else "alike", (repeated + " " + sentence).strip(), remark)


def verdict_of_targets(report):
    """Return the :class:`Verdict` of a conditional report."""
    apart = [
        target_text(target)
        for target, one in zip(report.targets, report.reports, strict=True)
        if one.p_value <= LEVEL
    ]
    p = f"p {p_text(report.p_value, sign=True)}"
    remark = (
        "The smallest p-value of the targets times their number. The samples have as targets the "
        "values of the real images nearest to each target, one for one, and are compared with "
        "these."
    )
    if math.isnan(report.p_value):
        said = "Differences from real images were not tested at any target."
        return Verdict("open", said, remark)
    if report.p_value <= LEVEL:
        where = "every target" if len(apart) == len(report.targets) else "; ".join(apart)
        return Verdict("differ", f"Images differ from real ones ({p}) at {where}.", remark)
    said = f"No difference from real images is found at any target ({p})."
    return Verdict("alike", said, remark)


def target_text(target):
    """Return the values of a target in words."""
    return ", ".join(f"{name} = {value:.4g}" for name, value in target.items())


def differs(report, row):
    """Tell whether a row differs from real images, by its test.

    In a report without any test the intervals tell.
    """
    if math.isnan(report.p_value):
        return row.low > row.baseline_high or row.high < row.baseline_low
    return row.p_value <= LEVEL


def p_text(p_value, sign=False):
    """Return a p-value in two digits, with a sign of comparison if asked for."""
    if math.isnan(p_value):
        return "-"
    if p_value < 1e-4:
        return "< 0.0001"
    return ("= " if sign else "") + f"{p_value:.2g}"


def place_of(row):
    """Say where the interval of a row lies."""
    if row.low > row.baseline_high:
        return "above the range of real images"
    if row.high < row.baseline_low:
        return "below the range of real images"
    return "overlaps the range of real images"


def kind_of(name):
    """Return the kind of a row, a key of ``KINDS``, or None."""
    if name.startswith(COPIES):
        return "memorisation"
    return next((kind for kind in KINDS if f" {name}".endswith(f" {kind}")), None)


def by_kind(metrics):
    """Return lists of rows by kind, in the order of ``KINDS``."""
    groups = {kind: [] for kind in [*KINDS, None]}
    for row in metrics:
        groups[kind_of(row.name)].append(row)
    return {kind: rows for kind, rows in groups.items() if rows}


def subject_of(name):
    """Return what a row is about, in words."""
    kind = kind_of(name)
    if kind in ("density", "coverage"):
        return name
    subject = name.removesuffix(kind).strip() if kind and name != kind else name
    if fraction := re.fullmatch(r"phase_fractions_(-?\d+)", subject):
        return f"fraction of phase {fraction[1]}"
    words = SUBJECTS.get(subject, subject.replace("_", " "))
    if kind in ("diversity", "anisotropy") and words:
        return f"{kind} of the {words}"
    return words


def _apart(rows):
    if not rows:
        return "all have intervals that overlap those of real images"
    have = "1 has an interval" if len(rows) == 1 else f"{len(rows)} have intervals"
    return f"{have} apart from those of real images: {_subjects(rows)}"


def _subjects(rows):
    """Name what rows are about, those that differ most first."""
    names = list(dict.fromkeys(subject_of(row.name) for row in sorted(rows, key=_rank)))
    more = len(names) - N_NAMED
    if more > 0:
        return ", ".join(names[:N_NAMED]) + f" and {more} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _rank(row):
    width = row.baseline_high - row.baseline_low + row.high - row.low
    gap = abs(row.value - row.baseline) / width if width > 0 else math.inf
    return (1.0 if math.isnan(row.p_value) else row.p_value, -gap)


def _is_copy(row):
    return kind_of(row.name) == "memorisation" and row.value > row.baseline


def _about_copies(report, rows):
    row = min(rows, key=_rank)
    found = report.evidence.copies if report.evidence else ()
    copied = any(pair.correlation > COPY for pair in found)
    said = "Copies of training images are among them" if copied else (
        "They are nearer to training images than other real images are"
    )  # fmt: skip
    return f" {said} ({row.name} {row.value:.2f}, real images {row.baseline:.2f})."


def _share(p_value):
    return f"{100 * p_value:.2g} %" if p_value >= 1e-4 else "less than 0.01 %"
