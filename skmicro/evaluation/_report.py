"""Metrics with their baselines, as a table, a dictionary or a data frame."""

import importlib
import math
from html import escape
from typing import NamedTuple

COLUMNS = ("metric", "generated", "95 % interval", "real", "95 % interval")


class Metric(NamedTuple):
    """One metric of generated images, beside the same metric of real images.

    Attributes
    ----------
    name : str
        What is measured.
    value, low, high : float
        The value for the generated images and the ends of its 95 % bootstrap interval.
    baseline, baseline_low, baseline_high : float
        The same for real images in their place.
    p_value : float
        Probability of such a difference among real images, adjusted for the number of rows; NaN
        where it was not tested.
    """

    name: str
    value: float
    low: float
    high: float
    baseline: float
    baseline_low: float
    baseline_high: float
    p_value: float


class EvaluationReport:
    """What :func:`skmicro.evaluation.evaluate` found.

    Printed, it is a table. ``report["p2 relative error"]`` is one row.

    Parameters
    ----------
    metrics : list of Metric
        The rows.
    n_samples : int
        Generated images that were judged, and real ones in their place.
    n_reference : int
        Real images that both were compared with.
    p_value : float, default=nan
        Probability of such differences among real images, of all rows together; NaN where it was
        not tested.

    See Also
    --------
    skmicro.evaluation.evaluate : Makes reports.

    Examples
    --------
    >>> from skmicro.evaluation import EvaluationReport, Metric
    >>> row = Metric("coverage", 0.5, 0.4, 0.6, 0.97, 0.95, 0.99, 0.001)
    >>> report = EvaluationReport([row], n_samples=100, n_reference=100)
    >>> print(report)
    100 generated images against 100 real ones; in their place, 100 other real images
    metric    generated  95 % interval  real  95 % interval
    coverage        0.5     [0.4, 0.6]  0.97   [0.95, 0.99]
    >>> report["coverage"].baseline
    0.97
    """

    def __init__(self, metrics, *, n_samples, n_reference, p_value=math.nan):
        self.metrics = list(metrics)
        self.n_samples = n_samples
        self.n_reference = n_reference
        self.p_value = p_value

    def __getitem__(self, name):
        for row in self.metrics:
            if row.name == name:
                return row
        raise KeyError(f"name must be one of {[row.name for row in self.metrics]}, got {name!r}.")

    def to_dict(self):
        """Return plain values that ``json.dumps`` takes.

        Returns
        -------
        report : dict
            ``"n_samples"``, ``"n_reference"``, ``"p_value"`` and ``"metrics"``, a list of one
            dictionary for each metric. ``None`` stands for NaN.
        """
        return {
            "n_samples": self.n_samples,
            "n_reference": self.n_reference,
            "p_value": _or_none(self.p_value),
            "metrics": [row._asdict() | {"p_value": _or_none(row.p_value)} for row in self.metrics],
        }

    def to_frame(self):
        """Return the metrics as a pandas data frame, indexed by their names.

        Returns
        -------
        frame : pandas.DataFrame
            One row for each metric.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas.") from error
        return pandas.DataFrame(self.metrics, columns=Metric._fields).set_index("name")

    def __str__(self):
        rows = [COLUMNS, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        ]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self):
        def line(tag, cells):
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(line("td", row) for row in self._cells())
        return (
            f"<table><caption>{escape(self._title())}</caption>"
            f"<thead>{line('th', COLUMNS)}</thead><tbody>{body}</tbody></table>"
        )

    def _title(self):
        n = self.n_samples
        return (
            f"{n} generated images against {self.n_reference} real ones; "
            f"in their place, {n} other real images"
        )

    def _cells(self):
        def cells(value, low, high):
            return f"{value:.3g}", f"[{low:.3g}, {high:.3g}]"

        return [(row.name, *cells(*row[1:4]), *cells(*row[4:7])) for row in self.metrics]


def _or_none(number):
    """JSON has no word for NaN."""
    return None if math.isnan(number) else number
