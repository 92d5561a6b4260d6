"""Metrics with their baselines, and the ways to show them."""

import math
from typing import NamedTuple

from .._files import atomic_path
from ._formats import aligned, cells, frame_of, latex
from ._page import page, part_of_notebook
from ._wording import p_text, verdict


class Metric(NamedTuple):
    """One metric of generated images, with the same metric of real images.

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


class Shown:
    """Reports by name, as pages and tables.

    Subclasses say which by ``_reports``, a method that returns a dictionary.
    """

    def to_html(self, path):
        """Write the report as one self-contained page.

        The page has the verdict, generated and real images, the generated images farthest from
        real ones and nearest to training images, curves, a small plot for each metric, and the
        settings to repeat the evaluation. Browsers show it light or dark, on small screens and on
        paper; it loads nothing and runs no script.

        Parameters
        ----------
        path : str or Path
            File to write. An existing one is replaced once the new one is complete.

        Raises
        ------
        FileNotFoundError
            If the folder of the file does not exist.
        IsADirectoryError
            If ``path`` is a folder.
        TypeError
            If ``path`` is not a path.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from skmicro.evaluation import EvaluationReport, Metric
        >>> row = Metric("coverage", 0.5, 0.4, 0.6, 0.97, 0.95, 0.99, 0.001)
        >>> report = EvaluationReport([row], n_samples=100, n_reference=100)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report.to_html(Path(folder, "report.html"))
        ...     text = Path(folder, "report.html").read_text(encoding="utf-8")
        >>> "These 100 images differ from real ones (p = 0.001): coverage." in text
        True
        """
        text = self._page()
        with atomic_path(path) as part:
            part.write_text(text, encoding="utf-8")

    def to_latex(self) -> str:
        r"""Return the metrics as a ``tabular`` of LaTeX, for the package ``booktabs``.

        Returns
        -------
        table : str
            A row for each metric: the value with the ends of its 95 % interval, and the same of
            real images. Of one report with p-values; of several, a star marks values at which a
            difference from real images is found.

        Examples
        --------
        >>> from skmicro.evaluation import EvaluationReport, Metric
        >>> row = Metric("p2 relative error", 0.0123, 0.01, 0.0151, 0.004, 0.002, 0.006, 0.01)
        >>> print(EvaluationReport([row], n_samples=100, n_reference=100).to_latex())
        \begin{tabular}{lrrr}
        \toprule
        metric & generated & real & $p$ \\
        \midrule
        p2 relative error & $0.0123\,[0.0100, 0.0151]$ & $0.0040\,[0.0020, 0.0060]$ & $0.01$ \\
        \bottomrule
        \end{tabular}
        """
        return latex(self._reports())

    def _repr_html_(self):
        return part_of_notebook(self._reports())

    def _page(self):
        return page(self._reports())


class EvaluationReport(Shown):
    """Result of :func:`skmicro.evaluation.evaluate`.

    Printed, it is a table; a notebook shows it with pictures. ``report["p2 relative error"]`` is
    one row.

    Parameters
    ----------
    metrics : list of Metric
        The rows.
    n_samples : int
        Number of generated images, and of the real images in their place.
    n_reference : int
        Real images that both were compared with.
    p_value : float or None, default=None
        Probability of such differences among real images, of all rows together. ``None`` means
        the smallest of the rows, which are adjusted for their number; NaN if none was
        tested.
    remarks : list of str, default=()
        Reasons to doubt the p-values, such as patches of few regions.
    evidence : object or None, default=None
        Pictures, curves and origin, as ``evaluate`` collects them for pages; ``None`` means a
        report without them.

    See Also
    --------
    skmicro.evaluation.evaluate : Makes reports.
    skmicro.evaluation.compare : Puts reports on several generators together.

    Examples
    --------
    >>> from skmicro.evaluation import EvaluationReport, Metric
    >>> row = Metric("coverage", 0.5, 0.4, 0.6, 0.97, 0.95, 0.99, 0.001)
    >>> report = EvaluationReport([row], n_samples=100, n_reference=100)
    >>> print(report)
    100 generated images against 100 real ones; in their place, 100 other real images
    These 100 images differ from real ones (p = 0.001): coverage.
    metric    generated  95 % interval  real  95 % interval      p
    coverage        0.5     [0.4, 0.6]  0.97   [0.95, 0.99]  0.001
    >>> report["coverage"].baseline
    0.97
    """

    def __init__(
        self,
        metrics: list,
        *,
        n_samples: int,
        n_reference: int,
        p_value: float | None = None,
        remarks: list = (),
        evidence=None,
    ):
        self.metrics = list(metrics)
        self.n_samples = n_samples
        self.n_reference = n_reference
        self.p_value = _smallest(self.metrics) if p_value is None else p_value
        self.remarks = list(remarks)
        self.evidence = evidence

    def __getitem__(self, name):
        for row in self.metrics:
            if row.name == name:
                return row
        raise KeyError(f"name must be one of {[row.name for row in self.metrics]}, got {name!r}.")

    def to_dict(self) -> dict:
        """Return plain values that ``json.dumps`` takes.

        Returns
        -------
        report : dict
            ``"n_samples"``, ``"n_reference"``, ``"p_value"``, ``"metrics"``, a list of one
            dictionary for each metric, ``"remarks"``, and ``"origin"``, the settings to repeat the
            evaluation. ``None`` means NaN or unknown.
        """
        return {
            "n_samples": self.n_samples,
            "n_reference": self.n_reference,
            "p_value": _or_none(self.p_value),
            "metrics": [row._asdict() | {"p_value": _or_none(row.p_value)} for row in self.metrics],
            "remarks": self.remarks,
            "origin": self.evidence and self.evidence.origin,
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
        return frame_of(self.metrics, Metric._fields[1:], "name")

    def __str__(self):
        interval = "95 % interval"
        heads = ("metric", "generated", interval, "real", interval, "p")
        rows = [
            (row.name, *cells(*row[1:4]), *cells(*row[4:7]), p_text(row.p_value))
            for row in self.metrics
        ]
        n = self.n_samples
        title = (
            f"{n} generated images against {self.n_reference} real ones; "
            f"in their place, {n} other real images"
        )
        said = [verdict(self).sentence, *self.remarks]
        return "\n".join([title, *said, *aligned([heads, *rows])])

    def _reports(self):
        return {"generated": self}


def _or_none(number):
    """JSON has no word for NaN."""
    return None if math.isnan(number) else number


def _smallest(rows):
    return min((row.p_value for row in rows if not math.isnan(row.p_value)), default=math.nan)
