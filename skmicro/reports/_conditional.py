"""Reports on a generator with targets, one for each target."""

import math
from typing import NamedTuple

from ._formats import aligned, cells, frame_of, latex_of_targets
from ._page_targets import calibrated, page_of_targets, targets_in_notebook
from ._report import Shown
from ._wording import p_text, target_text, verdict_of_targets


class Calibration(NamedTuple):
    """Achieved values of images generated with a target.

    Attributes
    ----------
    name : str
        The descriptor of the target.
    target : float
        The target.
    asked : float
        Mean of the requested values: those of the real images nearest to the target.
    achieved, low, high : float
        Mean of the values that generated images have, and the ends of its 95 % interval, for the
        requested values.
    error : float
        Root mean square of the differences between achieved and requested values.
    """

    name: str
    target: float
    asked: float
    achieved: float
    low: float
    high: float
    error: float


class ConditionalReport(Shown):
    """Result of :func:`skmicro.evaluation.evaluate` for several targets.

    Printed, it is the table of the calibration and the p-value for each target; a notebook shows
    it with plots, and its page holds the report of each target as well.

    Parameters
    ----------
    targets : list of dict
        The targets, values by name.
    reports : list of EvaluationReport
        A report for each of them, against the real images nearest to it.
    calibration : list of Calibration
        A row for each target and name, target by target.
    settings : dict of str to str or None, default=None
        Parameters of ``evaluate`` as texts, from which the page says how to repeat it.

    See Also
    --------
    skmicro.evaluation.evaluate : Makes reports.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.evaluation import evaluate
    >>> from skmicro.generators import GaussianRandomField
    >>> X, _ = make_cahn_hilliard(120, (16, 16), n_steps=100, random_state=0)
    >>> field = GaussianRandomField(random_state=0).fit(X[:60])
    >>> report = evaluate(field, X[:60], X[60:], targets={"p1": [0.4, 0.6]}, random_state=0)
    >>> [round(row.achieved - row.asked, 3) for row in report.calibration]
    [0.0, 0.0]
    >>> report.reports[1]["p1 mean"].value > 0.5 > report.reports[0]["p1 mean"].value
    True
    """

    def __init__(
        self, targets: list, reports: list, calibration: list, *, settings: dict | None = None
    ):
        self.targets = list(targets)
        self.reports = list(reports)
        self.calibration = list(calibration)
        self.settings = settings

    @property
    def p_value(self):
        """Smallest p-value of the reports times their number (Bonferroni)."""
        tested = [one.p_value for one in self.reports if not math.isnan(one.p_value)]
        return float(min(1.0, min(tested, default=math.nan) * len(self.reports)))

    def to_dict(self) -> dict:
        """Return plain values that ``json.dumps`` takes.

        Returns
        -------
        report : dict
            ``"targets"``, ``"calibration"`` and ``"reports"``, lists of dictionaries, and
            ``"settings"``.
        """
        return {
            "targets": self.targets,
            "calibration": [row._asdict() for row in self.calibration],
            "reports": [report.to_dict() for report in self.reports],
            "settings": self.settings,
        }

    def to_frame(self):
        """Return the calibration as a pandas data frame.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each target and name.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return frame_of(self.calibration, Calibration._fields[1:], "name")

    def to_latex(self) -> str:
        """Return the calibration as a ``tabular`` of LaTeX, for the package ``booktabs``.

        Returns
        -------
        table : str
            A row for each target and name: the mean of the requested values, that of the values
            achieved with the ends of its 95 % interval, the root mean square of their differences,
            and the p-value of all metrics of the target.
        """
        return latex_of_targets([(row, one.p_value) for row, one in calibrated(self)])

    def __str__(self):
        rows = [("target", "requested", "achieved", "95 % interval", "error", "p")]
        rows += [_cells(row, one.p_value) for row, one in calibrated(self)]
        return "\n".join([verdict_of_targets(self).sentence, *aligned(rows)])

    def _repr_html_(self):
        return targets_in_notebook(self)

    def _page(self):
        return page_of_targets(self)


def _cells(row, p_value):
    return (
        target_text({row.name: row.target}),
        f"{row.asked:.3g}",
        *cells(row.achieved, row.low, row.high),
        f"{row.error:.2g}",
        p_text(p_value),
    )
