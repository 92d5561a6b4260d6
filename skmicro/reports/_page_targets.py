"""The page of a generator with several targets: its calibration, and each report."""

from html import escape

from ._page import body_of, document, origin_of, section
from ._page_plots import calibration_plot
from ._page_style import style
from ._wording import LEVEL, p_text, target_text, verdict, verdict_of_targets

COLUMNS = ("requested", "achieved", "error")


def page_of_targets(report):
    """Return the page of a conditional report."""
    made_by = report.reports[0].evidence and report.reports[0].evidence.origin["generator"]
    parts = [_head(report), _calibration(report), _targets(report), _origin(report)]
    return document(f"{made_by or 'Generated images'} at {_targets_of(report)}", "".join(parts))


def targets_in_notebook(report):
    """Return the verdicts and the calibration."""
    return (
        f'{style(page=False)}<div class="skmicro-report">{_head(report)}{_calibration(report)}'
        "</div>"
    )


def calibrated(report):
    """Return pairs of a row of the calibration and the report of its target."""
    n_names = len(report.targets[0])
    reports = [one for one in report.reports for _ in range(n_names)]
    return zip(report.calibration, reports, strict=True)


def _targets_of(report):
    n = len(report.targets)
    return "1 target" if n == 1 else f"{n} targets"


def _head(report):
    state, said, remark = verdict_of_targets(report)
    return (
        f'<div class="verdict {state}"><p class="said">{escape(said)}</p>'
        f'<p class="soft">{remark}</p></div>'
    )


def _calibration(report):
    names = list(report.targets[0])
    figures = []
    for name in names:
        rows = [row for row in report.calibration if row.name == name]
        plot = calibration_plot(rows, f"Values of {name} achieved over requested values")
        figures.append(
            f"<figure>{plot}<figcaption>Vertical axis: <code>{escape(name)}</code> achieved, with "
            "95 % intervals of the mean. On the line it equals the requested value."
            "</figcaption></figure>"
        )
    intro = (
        "Means of the requested and achieved values, and the root mean square of their differences "
        "image by image."
    )
    parts = [f'<div class="row wide">{"".join(figures)}</div>', _table(report)]
    return section("Calibration", intro, parts)


def _table(report):
    heads, lines = "".join(f'<th scope="col">{head}</th>' for head in COLUMNS), []
    for row, one in calibrated(report):
        value, low, high, asked, error = (
            f'<data value="{x!r}">{x:.3g}</data>'
            for x in (row.achieved, row.low, row.high, row.asked, row.error)
        )
        p = f'<data value="{one.p_value!r}">{escape(p_text(one.p_value))}</data>'
        p = f'<span class="off-text">{p}</span>' if one.p_value <= LEVEL else p
        lines.append(
            f'<tr><th scope="row">{escape(target_text({row.name: row.target}))}</th>'
            f"<td>{asked}</td><td><b>{value}</b> [{low}, {high}]</td><td>{error}</td>"
            f"<td>{p}</td></tr>"
        )
    return (
        '<table class="calibration"><caption>95 % intervals of the mean, for the requested '
        "values; p-values of all metrics of the target</caption>"
        f'<thead><tr><th scope="col">target</th>{heads}<th scope="col" class="p">p-value</th></tr>'
        f"</thead><tbody>{''.join(lines)}</tbody></table>"
    )


def _targets(report):
    parts = []
    for target, one in zip(report.targets, report.reports, strict=True):
        name = target_text(target)
        said = f"{name}: {verdict(one).sentence}"
        parts.append(
            f"<details><summary>{escape(said)}</summary>"
            f"{body_of({name: one}, origin=False)}</details>"
        )
    return "".join(parts)


def _origin(report):
    evidence = report.reports[0].evidence
    if evidence is None or report.settings is None:
        return ""
    # Images of the reports are those near their targets.
    origin = evidence.origin | {"settings": report.settings, "images": {}}
    return section("To repeat this", "", [origin_of(origin)])
