"""Reports on several generators, side by side."""

from collections.abc import Mapping

from .._checks import check_sequence
from ._formats import aligned, cells, frame_of, shared_baseline
from ._report import EvaluationReport, Metric, Shown
from ._wording import differs, verdict

SAME_SETTINGS = ("descriptors", "properties", "positions", "periodic")
"""Parameters of ``evaluate`` on which metrics depend; images of other programs have no targets."""


class Comparison(Shown):
    """Reports on generators evaluated with the same real images.

    Printed, it is a table; a notebook shows it with pictures. :func:`compare` makes it.

    Parameters
    ----------
    reports : dict of str to EvaluationReport
        The reports by the name of their generator. They have the same rows.

    See Also
    --------
    compare : Checks reports and makes a comparison.
    EvaluationReport : One of them.
    """

    def __init__(self, reports: dict):
        self.reports = dict(reports)

    def __getitem__(self, name):
        if name in self.reports:
            return self.reports[name]
        raise KeyError(f"name must be one of {list(self.reports)}, got {name!r}.")

    def to_dict(self) -> dict:
        """Return plain values that ``json.dumps`` takes.

        Returns
        -------
        reports : dict
            :meth:`EvaluationReport.to_dict` of each report by the name of its generator.
        """
        return {name: report.to_dict() for name, report in self.reports.items()}

    def to_frame(self):
        """Return the metrics as a pandas data frame, indexed by their names.

        Returns
        -------
        frame : pandas.DataFrame
            One row for each metric, and columns ``(name of the generator, field of Metric)``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        columns = [(name, field) for name in self.reports for field in Metric._fields[1:]]
        rows = [(row[0].name, *(x for one in row for x in one[1:])) for row in self._rows()]
        return frame_of(rows, columns, "name")

    def __str__(self):
        first = next(iter(self.reports.values()))
        heads = ("metric", *self.reports, "real")
        lines = []
        for rows in self._rows():
            both = zip(self.reports.values(), rows, strict=True)
            texts = (" ".join(cells(*row[1:4])) + " *"[differs(r, row)] for r, row in both)
            lines.append((rows[0].name, *texts, " ".join(cells(*shared_baseline(rows)))))
        title = (
            f"{first.n_samples} images of each generator against {first.n_reference} real ones; "
            "* where they differ"
        )
        said = (f"{name}: {verdict(report).sentence}" for name, report in self.reports.items())
        return "\n".join([title, *said, *aligned([heads, *lines])])

    def _rows(self):
        """Yield the rows of one metric of all reports."""
        return zip(*(report.metrics for report in self.reports.values()), strict=True)

    def _reports(self):
        return self.reports


def compare(reports, names: list | None = None) -> "Comparison":
    """Compare reports on several generators.

    Parameters
    ----------
    reports : list of EvaluationReport, or dict of str to EvaluationReport
        Reports of :func:`evaluate` against the same ``X_test``, with the same descriptors and
        ``n_samples``: metrics depend on the number of images.
    names : list of str or None, default=None
        Names of the generators. ``None`` means the keys of a dictionary, else the
        classes of the generators, numbered if they are equal.

    Returns
    -------
    comparison : Comparison
        One table and one page of all.

    Raises
    ------
    ValueError
        If there are fewer than two reports, the numbers of images, the rows, the real images,
        descriptors, positions or borders differ, or names are not one for each report.
    TypeError
        If something is no report, or a name is not a string.

    See Also
    --------
    evaluate : Returns the reports.

    Notes
    -----
    The real images in the place of the generated ones may be others in each report; "real" is the
    mean of these values, between the outermost ends of their intervals. For the same values, pass
    the same ``X_train`` and ``random_state`` to ``evaluate``.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.descriptors import SpecificSurface
    >>> from skmicro.evaluation import compare, evaluate
    >>> X, _ = make_cahn_hilliard(30, (16, 16), n_steps=200, random_state=0)
    >>> coarser, _ = make_cahn_hilliard(10, (16, 16), n_steps=2000, random_state=1)
    >>> settings = {"descriptors": [SpecificSurface()], "random_state": 0}
    >>> reports = {
    ...     "real": evaluate(X[20:], X[:10], X[10:20], **settings),
    ...     "coarser": evaluate(coarser, X[:10], X[10:20], **settings),
    ... }
    >>> frame = compare(reports).to_frame()
    >>> errors = frame.loc["specific_surface Wasserstein"]
    >>> bool(errors["coarser", "value"] > errors["real", "value"])
    True
    """
    if isinstance(reports, Mapping):
        if names is not None:
            raise ValueError(f"names must be None for a dictionary of reports, got {names!r}.")
        names, reports = list(reports), list(reports.values())
    check_sequence("reports", reports)
    for report in reports:
        if not isinstance(report, EvaluationReport):
            raise TypeError(
                "reports must hold objects of EvaluationReport, such as those in .reports of a "
                f"ConditionalReport, got {type(report).__name__}."
            )
    if len(reports) < 2:
        raise ValueError(f"reports must hold at least two reports, got {len(reports)}.")
    names = _names_of(reports) if names is None else names
    _check_names(names, len(reports))
    _check_alike(reports)
    return Comparison(zip(names, reports, strict=True))


def _names_of(reports):
    kinds = [
        (report.evidence and report.evidence.origin["generator"]) or "generator"
        for report in reports
    ]
    return [
        kind if kinds.count(kind) == 1 else f"{kind} {kinds[: k + 1].count(kind)}"
        for k, kind in enumerate(kinds)
    ]


def _check_names(names, n_reports):
    check_sequence("names", names)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, got {name!r}.")
    if len(names) != n_reports or len(set(names)) != n_reports:
        raise ValueError(f"names must be {n_reports} different ones, got {list(names)}.")


def _check_alike(reports):
    """Raise ValueError unless metrics of the reports can be compared."""
    first = reports[0]
    for other in reports[1:]:
        for what in ("n_reference", "n_samples"):
            if getattr(first, what) != getattr(other, what):
                raise ValueError(
                    f"reports must have the same {what}, got {getattr(first, what)} and "
                    f"{getattr(other, what)}."
                )
        rows = [[row.name for row in report.metrics] for report in (first, other)]
        if rows[0] != rows[1]:
            raise ValueError(
                "reports must have the same rows, got some that one of them lacks: "
                f"{sorted(set(rows[0]) ^ set(rows[1])) or 'in another order'}."
            )
        if None not in (first.evidence, other.evidence):
            _check_alike_origins(first.evidence.origin, other.evidence.origin)


def _check_alike_origins(first, other):
    if first["images"]["X_test"]["sha256"] != other["images"]["X_test"]["sha256"]:
        raise ValueError("reports must be against the same X_test, got different images.")
    for name in SAME_SETTINGS:
        both = [origin["settings"].get(name) for origin in (first, other)]
        if both[0] != both[1]:
            raise ValueError(
                f"reports must be made with the same {name}, got {both[0]} and {both[1]}."
            )
