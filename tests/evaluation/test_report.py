"""The report as text, HTML, dictionary and data frame."""

import json
import math
import sys

import pytest

from skmicro.evaluation import EvaluationReport, Metric

ROWS = [
    Metric("p2 relative error", 0.0123456, 0.01, 0.0151, 0.004, 0.002, 0.006, 0.031),
    Metric("a<b", -1.0, -2.0, 3e-9, 1e6, 0.0, 2e6, math.nan),
]


@pytest.fixture
def report():
    return EvaluationReport(ROWS, n_samples=10, n_reference=12, p_value=0.02)


def test_rows_are_found_by_name(report):
    assert report["a<b"] is ROWS[1]
    with pytest.raises(KeyError, match=r"name must be one of .*p2 relative error.*got 'p2'"):
        report["p2"]


def test_text_is_an_aligned_table(report):
    title, *lines = str(report).splitlines()
    assert title.startswith("10 generated images against 12 real ones")
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["p2", "relative", "error", "0.0123", "[0.01,", "0.0151]",
                                "0.004", "[0.002,", "0.006]"]  # fmt: skip


def test_html_is_escaped(report):
    html = report._repr_html_()
    assert "<td>a&lt;b</td>" in html
    assert "a<b" not in html
    assert html.count("<tr>") == html.count("</tr>") == 3


def test_json_round_trip(report):
    read = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert read == report.to_dict()
    assert Metric(**read["metrics"][0]) == ROWS[0]
    assert read["p_value"] == 0.02
    assert read["metrics"][1]["p_value"] is None


def test_frame(report):
    frame = report.to_frame()
    assert frame.index.tolist() == ["p2 relative error", "a<b"]
    assert frame.loc["a<b", "baseline_high"] == 2e6
    assert frame.shape == (2, 7)


def test_frame_without_pandas(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas"):
        report.to_frame()
