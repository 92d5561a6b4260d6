"""The table of metrics on a page: a small plot for each row, its digits below."""

from html import escape
from math import isnan

from ._formats import shared_baseline
from ._page_plots import DIAMOND, DOT, interval_plot, span_of
from ._page_style import N_COLOURS
from ._wording import KINDS, OTHERS, by_kind, differs, p_text


def metric_table(reports, indices, caption):
    """Return the table of some rows of reports by name, grouped by what they measure."""
    first = next(iter(reports.values()))
    place = {row.name: index for index, row in enumerate(first.metrics)}
    n_columns, own, last = 2, "", ""
    if len(reports) == 1:
        n_columns, own, last = 3, ' class="alone"', '<th scope="col" class="p">p-value</th>'
    groups = by_kind([first.metrics[index] for index in indices])
    bodies = []
    for kind, rows in groups.items():
        title, advice = KINDS.get(kind, OTHERS)
        lines = [_row([r.metrics[place[row.name]] for r in reports.values()], reports)
                 for row in rows]  # fmt: skip
        bodies.append(
            f'<tbody><tr><th class="kind" colspan="{n_columns}" scope="rowgroup">{escape(title)}'
            f"<span>{escape(advice)}</span></th></tr>{''.join(lines)}</tbody>"
        )
    return (
        f"<table{own}><caption>{escape(caption)}</caption><thead><tr>"
        '<th scope="col">metric</th><th scope="col">generated and real images</th>'
        f"{last}</tr></thead>{''.join(bodies)}</table>"
    )


def legend(reports):
    """Return the legend of the colours and marks of the table."""
    names = list(reports) if len(reports) > 1 else ["generated images"]
    band = '<rect class="band" x="1" y="2" width="26" height="14"/>'
    line = '<line class="whisker" x2="28" y1="9" y2="9"/>'
    tick = '<line class="tick" x1="14" x2="14" y1="2" y2="16"/>'
    items = [("c0", band + tick, "real images in their place")]
    items += [(f"c{k % N_COLOURS}", line + _mark(DOT), name) for k, name in enumerate(names)]
    items.append(("c0 off", _mark(DIAMOND), "a difference is found"))
    kind = "legend alone" if len(reports) == 1 else "legend"
    entries = "".join(
        f'<li><svg class="{own}" width="28" height="18" aria-hidden="true">{drawing}</svg> '
        f"{escape(name)}</li>"
        for own, drawing, name in items
    )
    return f'<ul class="{kind}">{entries}</ul>'


def _mark(shape):
    return f'<svg x="14" overflow="visible"><path class="mark" d="{shape}"/></svg>'


def _row(rows, reports):
    """One metric of all generators upon one axis."""
    span, several = span_of(rows), len(rows) > 1
    lines = []
    for k, ((name, report), row) in enumerate(zip(reports.items(), rows, strict=True)):
        off = differs(report, row)
        digits = _digits(*row[1:4], strong=True)
        if several:
            digits = f"{escape(name)}: {digits} · p {_p_value(row, off, sign=True)}"
        else:
            digits += f" · real {_digits(*row[4:7])}"
        lines.append(
            f'<div class="line">{interval_plot(row, span, off, k % N_COLOURS)}'
            f'<div class="digits">{digits}</div></div>'
        )
    if several:
        lines.append(f'<div class="digits">real {_digits(*shared_baseline(rows))}</div>')
    last = "" if several else f"<td>{_p_value(rows[0], off)}</td>"
    # Long names are broken where words end.
    name = escape(rows[0].name).replace("_", "_<wbr>")
    return f'<tr><th scope="row">{name}</th><td>{"".join(lines)}</td>{last}</tr>'


def _p_value(row, off, sign=False):
    """The p-value of a row, set off where a difference is found."""
    text = escape(p_text(row.p_value, sign))
    text = f'<data value="{row.p_value!r}">{text}</data>'
    if not off:
        return text
    return f'<span class="off-text">{text}{" apart" if isnan(row.p_value) else ""}</span>'


def _digits(value, low, high, strong=False):
    texts = [f'<data value="{float(x)!r}">{x:.3g}</data>' for x in (value, low, high)]
    texts[0] = f"<b>{texts[0]}</b>" if strong else texts[0]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"
