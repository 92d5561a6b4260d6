"""Metrics of one or several reports as text, LaTeX and data frames."""

import importlib
import math

from ._wording import differs, p_text

MAX_DIGITS = 3
SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    **{sign: "\\" + sign for sign in "&%$#_{}"},
}  # fmt: skip


def aligned(rows):
    """Return rows of texts as lines of a table, the first column to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]


def cells(value, low, high):
    """Return a value and its interval as two texts."""
    return f"{value:.3g}", f"[{low:.3g}, {high:.3g}]"


def frame_of(rows, columns, name):
    """Return rows, whose first entries are the index ``name``, as a pandas data frame."""
    try:
        pandas = importlib.import_module("pandas")
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install pandas.") from error
    index, *values = zip(*rows, strict=True)
    data = dict(zip(columns, values, strict=True))
    frame = pandas.DataFrame(data, index=pandas.Index(index, name=name))
    return frame if rows else frame.astype(float)


def latex(reports):
    """Return a ``tabular`` of the metrics of reports by name; of a single one with p-values."""
    (first, *others) = reports.values()
    heads = [escaped(name) for name in reports] if others else ["generated"]
    columns = ["metric", *heads, "real", *([] if others else ["$p$"])]
    body = []
    for index, row in enumerate(first.metrics):
        rows = [report.metrics[index] for report in reports.values()]
        real = shared_baseline(rows)
        written = _written([*(r[1:4] for r in rows), real])
        both = zip(reports.values(), rows, strict=True)
        values = [written(*r[1:4], star=bool(others) and differs(one, r)) for one, r in both]
        line = [escaped(row.name), *values, written(*real)]
        body.append(line if others else [*line, _latex_p(row.p_value)])
    return _tabular(columns, body)


def latex_of_targets(rows):
    """Return a ``tabular`` of pairs of a row of a calibration and the p-value of its target."""
    columns = ["target", "requested", "achieved", "error", "$p$"]
    body = []
    for row, p_value in rows:
        written = _written([(row.achieved, row.low, row.high)])
        numbers = (f"${row.asked:.3g}$", written(*row[3:6]), f"${row.error:.2g}$")
        body.append([f"{escaped(row.name)} $= {row.target:g}$", *numbers, _latex_p(p_value)])
    return _tabular(columns, body)


def _tabular(columns, body):
    lines = [" & ".join(line) + r" \\" for line in [columns, *body]]
    rules = [rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", r"\toprule"]
    return "\n".join([*rules, lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"])


def shared_baseline(rows):
    """Return the mean baseline of rows and the outermost ends of its intervals."""
    value = sum(row.baseline for row in rows) / len(rows)
    return value, min(r.baseline_low for r in rows), max(r.baseline_high for r in rows)


def escaped(text):
    """Return a text in which LaTeX finds no commands."""
    return "".join(SPECIAL.get(sign, sign) for sign in str(text))


def _written(intervals):
    """Return a function that writes values and their ends, all intervals of a row alike.

    Two digits of the narrowest interval are shown; small and large numbers have a common power.
    """
    size = max(abs(x) for interval in intervals for x in interval)
    exponent = math.floor(math.log10(size)) if size > 0 else 0
    power = exponent if exponent < -2 or exponent > 4 else 0
    halves = [(high - low) / 2 for _, low, high in intervals if high > low]
    digits = 1 - math.floor(math.log10(min(halves))) if halves else 2 - exponent
    digits = max(0, min(digits, MAX_DIGITS - exponent) + power)

    def written(value, low, high, star=False):
        number, *ends = (f"{x / 10.0**power:.{digits}f}" for x in (value, low, high))
        times = rf"\times 10^{{{power}}}" if power else ""
        return rf"${number}{'^{*}' if star else ''}\,[{ends[0]}, {ends[1]}]{times}$"

    return written


def _latex_p(p_value):
    text = p_text(p_value)
    return "--" if math.isnan(p_value) else f"${text}$"
