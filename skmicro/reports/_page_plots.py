"""Small plots of a page, as SVG that takes its colours from the style of the page."""

import math
from html import escape

import numpy as np

from ._wording import place_of

WIDTH, HEIGHT = 340, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 330, 10, 180
DOT = "M0 4A5 5 0 1 1 0 14A5 5 0 1 1 0 4Z"
DIAMOND = "M0 1L8 9 0 17-8 9Z"


def span_of(rows):
    """Return the ends of an axis that shows the values and intervals of rows."""
    ends = [x for row in rows for x in row[1:7]]
    low, high = min(ends), max(ends)
    margin = 0.04 * (high - low) or 0.04 * abs(high) or 1.0
    return low - margin, high + margin


def interval_plot(row, span, off=False, colour=0):
    """Return one line: the interval of real images as a band, that of generated ones upon it.

    ``off`` marks a difference that was found.
    """

    def at(x):
        return f"{100 * (x - span[0]) / (span[1] - span[0]):.2f}%"

    def line(kind, start, end):
        return f'<line class="{kind}" x1="{at(start)}" x2="{at(end)}" y1="9" y2="9"/>'

    mark = DIAMOND if off else DOT
    width = (row.baseline_high - row.baseline_low) / (span[1] - span[0])
    return (
        f'<svg class="interval c{colour}{" off" if off else ""}" role="img" width="100%" '
        f'height="18" aria-label="{place_of(row)}">'
        f'<rect class="band" x="{at(row.baseline_low)}" y="2" height="14" rx="1" '
        f'width="{100 * max(width, 0.006):.2f}%"/>'
        f'<line class="tick" x1="{at(row.baseline)}" x2="{at(row.baseline)}" y1="2" y2="16"/>'
        f"{line('whisker', row.low, row.high)}"
        f'<svg x="{at(row.value)}" overflow="visible"><path class="mark" d="{mark}"/></svg></svg>'
    )


def curve_plot(lags, series, x_label, title):
    """Return curves with bands over common lags.

    ``series`` are pairs of a class and an array (3, n) of middle, lower and upper values, or (1, n)
    without a band.
    """
    values = np.concatenate([bands.ravel() for _, bands in series])
    y_span = _padded(values.min(), values.max())
    x_span = float(lags[0]), float(lags[-1]) if lags[-1] > lags[0] else float(lags[0]) + 1
    x = _scaled(lags, x_span, (LEFT, RIGHT))
    parts = [_axes(x_span, y_span, x_label)]
    for kind, (low, high) in ((kind, bands[1:]) for kind, bands in series if len(bands) == 3):
        edge = [*_points(x, _scaled(high, y_span, (BOTTOM, TOP)))]
        edge += [*_points(x, _scaled(low, y_span, (BOTTOM, TOP)))][::-1]
        parts.append(f'<polygon class="area {kind}" points="{" ".join(edge)}"/>')
    for kind, (middle, *_) in series:
        points = " ".join(_points(x, _scaled(middle, y_span, (BOTTOM, TOP))))
        parts.append(f'<polyline class="curve {kind}" points="{points}"/>')
    return _plot("curves", title, parts)


def calibration_plot(rows, title):
    """Return achieved values with their intervals over requested values, with the diagonal."""
    ends = [x for row in rows for x in (row.asked, row.low, row.high)]
    span = _padded(min(ends), max(ends))
    parts = [_axes(span, span, "requested")]
    parts.append(f'<path class="curve real" d="M{LEFT} {BOTTOM}L{RIGHT} {TOP}"/>')
    for row in rows:
        (x,) = _scaled([row.asked], span, (LEFT, RIGHT))
        low, middle, high = _scaled([row.low, row.achieved, row.high], span, (BOTTOM, TOP))
        parts.append(f'<path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}"/>')
        parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{middle:.1f}" r="5"/>')
    return _plot("curves c0", title, parts)


def swatch(kind):
    """Return the sign of a series in a legend."""
    return (
        '<svg class="swatch" width="26" height="10" aria-hidden="true">'
        f'<rect class="area {kind}" width="26" height="10"/>'
        f'<line class="curve {kind}" x2="26" y1="5" y2="5"/></svg>'
    )


def ticks(low, high, n_wanted=5):
    """Return round numbers between two ends."""
    raw = (high - low) / n_wanted
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(k * unit for k in (1, 2, 5, 10) if k * unit >= 0.7 * raw)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _plot(kind, title, parts):
    return (
        f'<svg class="{kind}" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _axes(x_span, y_span, x_label):
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>']
    for x in ticks(*x_span):
        (place,) = _scaled([x], x_span, (LEFT, RIGHT))
        parts.append(f'<path class="axis" d="M{place:.1f} {BOTTOM}v4"/>')
        parts.append(f'<text x="{place:.1f}" y="{BOTTOM + 17}" class="under">{x:g}</text>')
    for y in ticks(*y_span):
        (place,) = _scaled([y], y_span, (BOTTOM, TOP))
        parts.append(f'<path class="grid" d="M{LEFT} {place:.1f}H{RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{place + 4:.1f}" class="beside">{y:.3g}</text>')
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" class="under">{escape(x_label)}</text>')
    return "".join(parts)


def _padded(low, high):
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def _scaled(values, span, ends):
    share = (np.asarray(values, dtype=float) - span[0]) / (span[1] - span[0])
    return ends[0] + share * (ends[1] - ends[0])


def _points(x, y):
    return (f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
