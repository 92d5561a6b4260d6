"""Reports as one page that needs nothing else, and as a part of a notebook."""

import math
from html import escape

from ._page_metrics import legend, metric_table
from ._page_pictures import img
from ._page_plots import curve_plot, swatch
from ._page_style import N_COLOURS, style
from ._wording import differs, verdict

# Nothing is loaded, whatever a name may hold that comes from outside.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

N_ROWS_OF_PART = 8


def page(reports):
    """Return the page of reports by name, or of a single one."""
    return document(title_of(reports), body_of(reports))


def document(title, body):
    """Return a page with a title."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title>{style(page=True)}</head>\n<body>"
        f'<main class="skmicro-report"><h1>{escape(title)}</h1>{body}</main>'
        "</body></html>\n"
    )


def body_of(reports, origin=True):
    """Return all that the page of reports by name has below its title."""
    parts = (_head, _images, _worst, _copies, _curves, _metrics, *([_origin] if origin else []))
    return "".join(part(reports) for part in parts)


def part_of_notebook(reports):
    """Return verdicts, pictures and the rows that differ; the other rows are folded up."""
    first = next(iter(reports.values()))
    all_rows = range(len(first.metrics))
    shown = [k for k in all_rows if any(differs(r, r.metrics[k]) for r in reports.values())]
    shown = sorted(shown, key=lambda k: min(_order(r.metrics[k]) for r in reports.values()))
    shown = shown[:N_ROWS_OF_PART]
    tables = metric_table(reports, sorted(shown), "Rows that differ most") if shown else ""
    tables += (
        f"<details><summary>All {len(first.metrics)} metrics</summary>"
        f"{metric_table(reports, all_rows, 'All metrics')}</details>"
    )
    return (
        f'{style(page=False)}<div class="skmicro-report">{_head(reports)}{_images(reports)}'
        f"{legend(reports)}{tables}</div>"
    )


def title_of(reports):
    """Return the title of a page."""
    if len(reports) > 1:
        return f"Comparison of {len(reports)} generators"
    (report,) = reports.values()
    made_by = report.evidence and report.evidence.origin["generator"]
    return f"Evaluation of {made_by or 'generated images'}"


def _order(row):
    return row.p_value if row.p_value == row.p_value else 1.0


def _head(reports):
    first = next(iter(reports.values()))
    evidence = first.evidence
    size = f" of {_sides(evidence.image_shape)} voxels" if evidence else ""
    each = " of each generator" if len(reports) > 1 else ""
    parts = [
        f"<p>{first.n_samples} generated images{size}{each} are compared with "
        f"{first.n_reference} real ones that the generator has not seen. How far real images "
        "differ by chance, as many other real images in their place show.</p>"
    ]
    for name, report in reports.items():
        state, sentence, remark = verdict(report)
        named = f"<p><b>{escape(name)}</b></p>" if len(reports) > 1 else ""
        parts.append(
            f'<div class="verdict {state}">{named}<p class="said">{escape(sentence)}</p>'
            f'<p class="soft">{escape(remark)}</p></div>'
        )
    return "".join(parts)


def _images(reports):
    """Rows of generated and real images, one of all generators."""
    seen = _with_evidence(reports)
    if not seen:
        return ""
    first = next(iter(seen.values()))
    rows = [("Real, of X_test", first.real)]
    rows += [(name if len(reports) > 1 else "Generated", e.generated) for name, e in seen.items()]
    parts = []
    for name, pictures in rows[1:] + rows[:1]:
        tags = [
            img(picture, first.phases, f"{name} image {k + 1}")
            for k, picture in enumerate(pictures)
        ]
        parts.append(
            f'<figure><figcaption>{escape(name)}</figcaption><div class="strip">'
            f"{''.join(tags)}</div></figure>"
        )
    return section("Generated and real images", _about(first), parts)


def _about(evidence):
    """Say what pictures show: colours, sections, parts."""
    shape, shown = evidence.image_shape, evidence.real.shape[1:]
    if evidence.phases is None:
        low, high = evidence.levels
        text = f"Chosen evenly. Grey levels from {low:.3g}, black, to {high:.3g}, white."
    else:
        ends = ("black", "white") if len(evidence.phases) == 2 else ("violet", "yellow")
        text = (
            f"Chosen evenly. Phases {', '.join(map(str, evidence.phases))}, from {ends[0]} to "
            f"{ends[1]}."
        )
    if len(shape) == 3:
        text += f" Of volumes the middle section, {shape[0] // 2} along the first axis."
    if tuple(shown) != tuple(shape[-2:]):
        text += f" Only the middle is shown, {_sides(shown)} voxels."
    return text


def _worst(reports):
    parts = []
    for name, evidence in _with_evidence(reports).items():
        figures = [
            f"<figure>{img(odd.picture, evidence.phases, f'Generated image {odd.index}')}"
            f"<figcaption>Image {odd.index}, distance {odd.distance:.3g}. "
            f"{_odd_feature(odd)}</figcaption></figure>"
            for odd in evidence.worst
        ]
        parts.append(
            f"{_name(name, reports)}<p class='soft'>Of the real images in their place, the "
            f"farthest is at distance {evidence.usual_distance:.3g}.</p>"
            f'<div class="row odd">{"".join(figures)}</div>'
        )
    return section(
        "The generated images farthest from real ones",
        "Distance to the nearest test image, over all descriptors, each in units of its spread; "
        "and the feature that is farthest out. Images are counted from 0.",
        parts,
    )


def _odd_feature(odd):
    name = f"<code>{escape(odd.feature)}</code> is"
    if odd.spread == 0:
        return f"{name} {odd.value:.3g}, of all real images {odd.mean:.3g}."
    digits = min(max(0, 1 - math.floor(math.log10(odd.spread))), 12)
    value, mean, spread = (f"{x:.{digits}f}" for x in (odd.value, odd.mean, odd.spread))
    away = abs(odd.value - odd.mean) / odd.spread
    side = "above" if odd.value > odd.mean else "below"
    return f"{name} {value}, {away:.1f} standard deviations {side} real images, {mean} ± {spread}."


def _copies(reports):
    parts = []
    for name, evidence in _with_evidence(reports).items():
        figures = []
        for pair in evidence.copies:
            tags = (
                img(pair.picture, evidence.phases, f"Generated image {pair.index}"),
                img(pair.nearest, evidence.phases, f"Training image {pair.nearest_index}"),
            )
            figures.append(
                f'<figure><div class="pair">{"".join(tags)}</div><figcaption>Generated image '
                f"{pair.index}, and training image {pair.nearest_index}, "
                f"{escape(pair.moved)}: correlation {pair.correlation:.3f}.</figcaption></figure>"
            )
        parts.append(f'{_name(name, reports)}<div class="row pairs">{"".join(figures)}</div>')
    return section(
        "The nearest training images",
        "The generated images that are most like a training image, on the left, beside that image, "
        "moved to where they agree best. A correlation of 1 is a copy. Images are counted from 0.",
        parts,
    )


def _curves(reports):
    seen = _with_evidence(reports)
    kinds = {name: f"c{k % N_COLOURS}" for k, name in enumerate(reports)}
    figures = []
    first = next(iter(seen.values()), None)
    for place, curves in enumerate(first.curves if first else ()):
        # Bands of several generators would hide each other.
        shown = slice(3 if len(reports) == 1 else 1)
        series = [("real", curves.real)]
        series += [(kinds[name], e.curves[place].generated[shown]) for name, e in seen.items()]
        names = [
            "real images",
            *(name if len(reports) > 1 else "generated images" for name in seen),
        ]
        items = "".join(
            f"<li>{swatch(kind)} {escape(name)}</li>"
            for (kind, _), name in zip(series, names, strict=True)
        )
        x_label = "lag in voxels" if curves.has_lags else "feature"
        plot = curve_plot(curves.lags, series, x_label, f"Mean curves of {curves.label}")
        figures.append(
            f"<figure>{plot}<figcaption><code>{escape(curves.label)}</code>"
            f'<ul class="legend">{items}</ul></figcaption></figure>'
        )
    rows = [f'<div class="row wide">{"".join(figures)}</div>'] if figures else []
    return section("Curves", "Means over images; bands hold 95 % of the images.", rows)


def _metrics(reports):
    rows = range(len(next(iter(reports.values())).metrics))
    intro = (
        "A mark within the grey range is what real images give as well; a dot beyond it is too "
        "little to tell among so many rows. Bars and ranges are 95 % intervals. Each row has an "
        "axis of its own, from left to right; its numbers stand below."
    )
    table = metric_table(reports, rows, "Generated images beside real ones")
    return section("Metrics", intro, [legend(reports), table])


def _origin(reports):
    parts = [
        f"{_name(name, reports)}{origin_of(evidence.origin)}"
        for name, evidence in _with_evidence(reports).items()
    ]
    return section("To repeat this", "", parts)


def origin_of(origin):
    """Return the call, images, generator and versions of an evaluation."""
    arguments = ", ".join(f"{key}={value}" for key, value in origin["settings"].items())
    call = f"evaluate(generator, X_train, X_test, {arguments})"
    images = {
        key: f"{_sides(data['shape'])}, SHA-256 {data['sha256'][:16]}"
        for key, data in origin["images"].items()
    }
    made_by = origin["generator"] or "images of another program"
    return (
        f"<pre><code>{escape(call)}</code></pre>"
        f"{'<h3>Images</h3>' if images else ''}{_list(images)}<h3>Generator</h3>"
        f"<p>{escape(made_by)}</p>{_list(origin['parameters'])}"
        f"<h3>Versions</h3>{_list(origin['versions'])}"
    )


def _list(items):
    terms = "".join(
        f"<dt>{escape(str(key))}</dt><dd>{escape(str(value))}</dd>" for key, value in items.items()
    )
    return f"<dl>{terms}</dl>" if items else ""


def section(title, intro, parts):
    """A section, or nothing if it has no parts."""
    text = f'<p class="soft">{escape(intro)}</p>' if intro else ""
    return f"<section><h2>{title}</h2>{text}{''.join(parts)}</section>" if parts else ""


def _name(name, reports):
    return f"<h3>{escape(name)}</h3>" if len(reports) > 1 else ""


def _with_evidence(reports):
    return {name: r.evidence for name, r in reports.items() if r.evidence is not None}


def _sides(shape):
    return " \N{MULTIPLICATION SIGN} ".join(map(str, shape))
