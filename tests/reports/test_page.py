"""The page of a report, as text and as headless Chromium shows it."""

import base64
import errno
import html
import io
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import EulerNumber, SpecificSurface, TwoPointCorrelation
from skmicro.evaluation import ConditionalReport, EvaluationReport, Metric, compare, evaluate
from skmicro.reports import Calibration
from skmicro.reports._page import page
from skmicro.reports._page_pictures import colours_of, img
from skmicro.reports._page_plots import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    calibration_plot,
    curve_plot,
    interval_plot,
    span_of,
    ticks,
)
from skmicro.reports._page_style import DARK, LIGHT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip
WIDTHS = (360, 1280)
# Reads a page back: its widths, what reaches beyond them, figures, and the first picture.
MEASURE = """
function measured(frame) {
  const page = frame.contentDocument, view = page.documentElement;
  page.querySelectorAll('details').forEach(part => part.open = true);
  const beyond = [...page.querySelectorAll('body *')].filter(e => !e.closest('svg') &&
    (e.getBoundingClientRect().right > view.clientWidth + .5 || e.scrollWidth > e.clientWidth + 1 &&
     getComputedStyle(e).display != 'inline'));
  const rows = [...page.querySelectorAll('table tbody tr')].filter(r => r.querySelector('data'));
  const image = page.querySelector('img');
  const canvas = document.createElement('canvas');
  const scripts = page.querySelectorAll('script, link, iframe, object').length;
  let pixels = [];
  if (image) {
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    pixels = [...context.getImageData(0, 0, canvas.width, canvas.height).data];
  }
  return {
    width: view.clientWidth, scroll: view.scrollWidth, scripts,
    beyond: beyond.map(e => e.outerHTML.slice(0, 200)),
    rows: rows.map(r => [r.querySelector('th').textContent,
                         [...r.querySelectorAll('data')].map(d => [d.value, d.textContent])]),
    bands: rows.map(r => r.querySelector('.band')?.getBoundingClientRect().width),
    said: page.querySelector('.said').textContent, title: page.title,
    broken: [...page.images].filter(i => !i.naturalWidth || !i.alt).length,
    images: page.images.length, pixels: pixels.filter((_, k) => k % 4 == 0),
  };
}
window.onload = () => {
  const frames = [...document.querySelectorAll('iframe')];
  const text = JSON.stringify(frames.map(measured));
  frames.forEach(f => f.remove());
  document.getElementById('found').textContent = text;
};
"""


@pytest.fixture(scope="module")
def reports():
    X, _ = make_cahn_hilliard(60, (24, 24), n_steps=200, random_state=0)
    training, test, good = np.split(X, 3)
    bad = make_cahn_hilliard(20, (24, 24), n_steps=900, random_state=1)[0]
    kinds = [TwoPointCorrelation(), SpecificSurface(), EulerNumber()]
    settings = {"descriptors": kinds, "n_bootstrap": 30, "random_state": 0}
    return {
        name: with_p_values(evaluate(images, training, test, **settings))
        for name, images in (("<b>coarser & worse", bad), ("other", good))
    }


def with_p_values(report):
    """The report, with numbers between 0 and 1 for its rows."""
    rows = [row._replace(p_value=(k % 9) / 8 + 1e-3) for k, row in enumerate(report.metrics)]
    numbers = {"n_samples": report.n_samples, "n_reference": report.n_reference}
    return EvaluationReport(rows, p_value=0.004, evidence=report.evidence, **numbers)


@pytest.fixture(scope="module")
def of_targets(reports):
    """The report on two targets, of two values each."""
    targets = [{"p1": 0.3, "<i>surface": 2.0}, {"p1": 0.4, "<i>surface": 1.0}]
    calibration = [
        Calibration("p1", 0.3, 0.31, 0.35, 0.34, 0.36, 0.05),
        Calibration("<i>surface", 2.0, 2.1, 2.2, 2.0, 2.4, 0.4),
        Calibration("p1", 0.4, 0.41, 0.41, 0.4, 0.42, 0.01),
        Calibration("<i>surface", 1.0, 1.1, 1.2, 1.0, 1.4, 0.3),
    ]
    first, second = reports.values()
    numbers = {"n_samples": 20, "n_reference": 20}
    good = EvaluationReport(second.metrics, p_value=0.7, evidence=second.evidence, **numbers)
    return ConditionalReport(targets, [first, good], calibration)


@pytest.fixture(scope="module")
def pages(reports, of_targets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    first = next(iter(reports.values()))
    plain = EvaluationReport(first.metrics, n_samples=6, n_reference=6)
    shown = {"report": first, "comparison": compare(reports), "plain": plain}
    shown["targets"] = of_targets
    for name, what in shown.items():
        what.to_html(folder / f"{name}.html")
    texts = {name: (folder / f"{name}.html").read_text(encoding="utf-8") for name in shown}
    return texts | {"notebook": first._repr_html_(), "few": of_targets._repr_html_()}


@pytest.fixture(scope="module")
def seen(pages, tmp_path_factory):
    """What Chromium shows of each page at each width."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    folder = tmp_path_factory.mktemp("chromium")
    keys = [(name, width) for name in pages for width in WIDTHS]
    frames = "".join(
        f'<iframe style="border:0;width:{width}px" srcdoc="{html.escape(pages[name])}"></iframe>'
        for name, width in keys
    )
    page = folder / "all.html"
    text = f'<!DOCTYPE html><script>{MEASURE}</script><pre id="found"></pre>{frames}'
    page.write_text(text, encoding="utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
        "--hide-scrollbars", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    found = re.search(r'<pre id="found">(.*?)</pre>', result.stdout, re.DOTALL)[1]
    return dict(zip(keys, json.loads(html.unescape(found)), strict=True))


def test_pages_fit_phones_and_screens(seen):
    for key, found in seen.items():
        assert found["width"] == key[1], key
        assert found["scroll"] <= found["width"], key
        assert found["beyond"] == [], key
        assert found["broken"] == found["scripts"] == 0, key


def test_figures_read_from_the_page_are_those_of_the_report(seen, reports):
    first, second = reports.values()
    shown = dict(seen["report", 360]["rows"])
    assert list(shown) != []
    assert len(shown) == len(first.metrics)
    for name, figures in shown.items():
        row = first[name]
        values = [float(value) for value, _ in figures]
        assert values == [*row[1:7], row.p_value], name
        assert [text for _, text in figures[:6]] == [f"{x:.3g}" for x in row[1:7]], name
    for name, figures in seen["comparison", 1280]["rows"]:
        one, other = first[name], second[name]
        values = [float(value) for value, _ in figures]
        assert values[:8] == [*one[1:4], one.p_value, *other[1:4], other.p_value], name
        real = (one.baseline + other.baseline) / 2
        assert values[8] == pytest.approx(real), name


def test_targets_have_their_calibration_and_their_reports(seen, of_targets):
    found = seen["targets", 1280]
    assert found["title"] == "Generated images at 2 targets"
    said = "Images differ from real ones (p = 0.008) at p1 = 0.3, <i>surface = 2."
    assert found["said"] == said
    table, rest = found["rows"][:4], found["rows"][4:]
    for (name, figures), row in zip(table, of_targets.calibration, strict=True):
        p_value = 0.004 if row.target in (0.3, 2.0) else 0.7
        assert name == f"{row.name} = {row.target:g}"
        values = [float(value) for value, _ in figures]
        assert values == [row.asked, row.achieved, row.low, row.high, row.error, p_value]
    names = [name for name, _ in rest]
    assert names[: len(names) // 2] == names[len(names) // 2 :]
    assert set(names) == {row.name for row in of_targets.reports[0].metrics}
    assert found["images"] == 52
    assert seen["few", 360]["images"] == 0
    assert len(seen["few", 360]["rows"]) == 4
    assert of_targets.to_latex().count(r"\\") == 5


def test_bands_are_as_wide_as_the_intervals_of_real_images(seen, reports):
    first = next(iter(reports.values()))
    found = seen["report", 1280]
    shares = []
    for name, _ in found["rows"]:
        low, high = span_of([first[name]])
        shares.append((first[name].baseline_high - first[name].baseline_low) / (high - low))
    wide = np.array(shares) > 0.1
    assert wide.sum() > 5
    # The widths that Chromium tells include the strokes.
    widths = np.array(found["bands"])[wide] - 1
    np.testing.assert_allclose(widths / np.array(shares)[wide], widths[0] / shares[0], rtol=0.03)


def test_titles_verdicts_and_pictures(seen, reports):
    first = next(iter(reports.values()))
    found = seen["report", 1280]
    assert found["title"] == "Evaluation of generated images"
    assert found["said"].startswith("These 20 images differ from real ones (p = 0.004): ")
    picture = first.evidence.generated[0]
    np.testing.assert_array_equal(np.reshape(found["pixels"], picture.shape), 255 * picture)
    # 8 generated, 8 real, 4 odd ones, 3 pairs; of a second generator all but the real ones.
    assert found["images"] == 26
    assert seen["comparison", 360]["images"] == 44
    assert seen["notebook", 360]["images"] == 16
    assert seen["plain", 360]["images"] == 0
    assert len(seen["plain", 360]["rows"]) == len(first.metrics)


def test_pages_need_nothing_else(pages):
    for name, text in pages.items():
        assert not re.search(r"https?:|<script|<link|@import|url\(|javascript:", text), name
        assert set(re.findall(r'src="(.{10})', text)) <= {"data:image"}, name
        assert len(text) < 200_000, name
        assert "<b>coarser" not in text, name
    assert "&lt;b&gt;coarser &amp; worse" in pages["comparison"]


def test_pages_are_well_formed(pages):
    for name in ("report", "comparison", "plain", "targets"):
        body = re.search(r"<main.*</main>", pages[name], re.DOTALL)[0]
        tree = ElementTree.fromstring(re.sub(r"(<img [^>]*|<wbr)>", r"\1/>", body))
        for table in tree.iter("table"):
            assert table.find("caption") is not None
            assert all(head.get("scope") for head in table.iter("th"))
        assert all(figure.find("figcaption") is not None for figure in tree.iter("figure"))
        levels = [int(tag.tag[1]) for tag in tree.iter() if re.fullmatch("h[1-6]", tag.tag)]
        assert levels[0] == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))


def test_the_style_stays_within_the_report(pages):
    (style,) = re.findall(r"<style>(.*?)</style>", pages["notebook"], re.DOTALL)
    rules = re.sub(r"@media[^{]*\{", "", style)
    selectors = [s for group in re.findall(r"([^{}]+)\{", rules) for s in group.split(",")]
    assert len(selectors) > 50
    assert [s for s in selectors if ".skmicro-report" not in s] == []
    assert pages["notebook"].count("<details>") == 1


def luminance(colour):
    channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_contrasts_are_those_that_wcag_asks_for(theme):
    def contrast(a, b):
        high, low = sorted((luminance(theme[a]), luminance(theme[b])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for words in ("text", "soft", "alarm"):
        assert min(contrast(words, "back"), contrast(words, "card")) >= 4.5, words
    for mark in ("edge", "alarm", "good", "open", *(f"c{k}" for k in range(6))):
        assert contrast(mark, "back") >= 3, mark
    for mark in (f"c{k}" for k in range(6)):
        assert contrast(mark, "band") >= 3, mark


def test_noise_of_the_largest_size_stays_below_a_megabyte():
    rng = np.random.default_rng(0)
    X = rng.random((24, 200, 150))
    report = evaluate(
        X[:8], X[8:16], X[16:], descriptors=[SpecificSurface(phase=None)], n_bootstrap=2
    )
    assert report.evidence.real.shape == (8, 128, 128)
    assert 400_000 < len(page({"a": report})) < 1_000_000


def decoded(tag):
    data = base64.b64decode(re.search(r"base64,([^\"]+)", tag)[1])
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("n_codes", [2, 3, 5, 40, 256])
def test_pictures_are_png_of_few_bits(n_codes):
    picture = np.random.default_rng(0).integers(0, n_codes, (13, 21)).astype(np.uint8)
    phases = None if n_codes == 256 else tuple(range(n_codes))
    image = decoded(img(picture, phases, 'a "quoted" text'))
    assert image.size == (21, 13)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), colours_of(phases)[picture])
    assert len(np.unique(colours_of(phases), axis=0)) == n_codes
    assert 'alt="a &quot;quoted&quot; text"' in img(picture, phases, 'a "quoted" text')


def test_curves_go_through_their_points():
    lags, middle = np.array([0.0, 4.0, 8.0]), np.array([1.0, 0.5, 0.25])
    bands = np.stack([middle, middle - 0.25, middle + 0.25])
    text = curve_plot(lags, [("real", bands), ("c0", bands[:1] + 0.1)], "lag", "S2 < 1")
    tree = ElementTree.fromstring(text)
    assert tree.get("aria-label") == "S2 < 1"
    (area,) = tree.findall("polygon")
    real, other = tree.findall("polyline")
    points = np.array([[*map(float, p.split(","))] for p in real.get("points").split()])
    np.testing.assert_allclose(points[:, 0], [LEFT, (LEFT + RIGHT) / 2, RIGHT], atol=0.06)
    # The axis reaches from 0 to 1.25, and 5 % further on both sides.
    places = BOTTOM + (middle + 0.0625) / 1.375 * (TOP - BOTTOM)
    np.testing.assert_allclose(points[:, 1], places, atol=0.06)
    assert len(area.get("points").split()) == 6
    assert other.get("points") != real.get("points")


def test_points_of_a_calibration_lie_on_the_line_if_it_is_right():
    rows = [
        Calibration("p1", 0.3, 0.3, 0.3, 0.2, 0.4, 0.0),
        Calibration("p1", 0.7, 0.7, 0.5, 0.4, 0.6, 0.0),
    ]
    tree = ElementTree.fromstring(calibration_plot(rows, "p1"))
    places = [[float(tag.get(name)) for name in ("cx", "cy")] for tag in tree.findall("circle")]
    # The axes reach from 0.2 to 0.7, and 5 % further on both sides.
    shares = np.array([[0.125, 0.125], [0.525, 0.325]]) / 0.55
    expected = [[LEFT, BOTTOM]] + shares * [RIGHT - LEFT, TOP - BOTTOM]
    np.testing.assert_allclose(places, expected, atol=0.06)


def test_ticks_are_round():
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(-3.1, 8.9) == [-2, 0, 2, 4, 6, 8]
    assert ticks(1e-7, 3e-7) == pytest.approx([1e-7, 1.5e-7, 2e-7, 2.5e-7, 3e-7])


def test_intervals_without_width_are_seen():
    row = Metric("a", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan)
    assert 'width="0.60%"' in interval_plot(row, span_of([row]))
    assert "nan" not in interval_plot(row, span_of([row]))


def full_disk(path, text, **options):
    path.write_bytes(text[:100].encode())
    raise OSError(errno.ENOSPC, "full")


def test_files_are_whole_or_not_there(reports, tmp_path, monkeypatch):
    first = next(iter(reports.values()))
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(FileNotFoundError, match="path must lie in an existing folder"):
        first.to_html(tmp_path / "missing" / "report.html")
    with pytest.raises(IsADirectoryError, match="path must name a file"):
        first.to_html(tmp_path)
    with pytest.raises(TypeError, match="path must be a path, got None"):
        first.to_html(None)
    broken = EvaluationReport([(1,)], n_samples=6, n_reference=6, p_value=0.5)
    with pytest.raises(AttributeError):
        broken.to_html(path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full_disk)
        with pytest.raises(OSError, match=r"full.*report\.html"):
            first.to_html(path)
    assert path.read_text() == "old"
    first.to_html(str(path))
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_names_of_untrusted_origin_are_escaped(reports):
    first = next(iter(reports.values()))
    bad = '<img src=x onerror="1">'
    origin = first.evidence.origin | {"generator": bad, "parameters": {bad: bad}}
    worst = tuple(odd._replace(feature=bad) for odd in first.evidence.worst)
    curves = tuple(curve._replace(label=bad) for curve in first.evidence.curves)
    evidence = replace(first.evidence, origin=origin, worst=worst, curves=curves)
    rows = [first.metrics[0]._replace(name=bad)]
    report = EvaluationReport(rows, n_samples=6, n_reference=6, evidence=evidence)
    for text in (report._repr_html_(), page({"a": report, bad: report})):
        assert "onerror=&quot;1&quot;" in text
        assert 'onerror="' not in text
