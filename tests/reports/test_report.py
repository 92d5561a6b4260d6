"""The report as text, LaTeX, dictionary and data frame, and what its verdict says."""

import json
import math
import re
import sys

import pytest

from skmicro.evaluation import EvaluationReport, Metric
from skmicro.reports._wording import kind_of, p_text, subject_of, verdict

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
    title, said, *lines = str(report).splitlines()
    assert title.startswith("10 generated images against 12 real ones")
    assert said == "These 10 images differ from real ones (p = 0.02): two-point correlation."
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["p2", "relative", "error", "0.0123", "[0.01,", "0.0151]",
                                "0.004", "[0.002,", "0.006]", "0.031"]  # fmt: skip
    assert lines[2].split()[-1] == "-"


def test_json_round_trip(report):
    read = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert read == report.to_dict()
    assert Metric(**read["metrics"][0]) == ROWS[0]
    assert read["p_value"] == 0.02
    assert read["metrics"][1]["p_value"] is None
    assert read["origin"] is None


def test_the_smallest_p_value_stands_for_all():
    assert EvaluationReport(ROWS, n_samples=6, n_reference=6).p_value == 0.031
    assert math.isnan(EvaluationReport(ROWS[1:], n_samples=6, n_reference=6).p_value)


def test_frame(report):
    frame = report.to_frame()
    assert frame.index.tolist() == ["p2 relative error", "a<b"]
    assert frame.index.name == "name"
    assert frame.loc["a<b", "baseline_high"] == 2e6
    assert frame.loc["p2 relative error", "p_value"] == 0.031
    assert frame.shape == (2, 7)
    assert list(frame) == list(Metric._fields[1:])


def test_frame_without_pandas(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas"):
        report.to_frame()


def test_latex_has_numbers_with_intervals():
    rows = [
        ROWS[0],
        Metric("50%_a & b\\c", 428.0, 357.0, 488.0, 398.2, 332.4, 452.0, 1.0),
        Metric("small", -4.88e-5, -8.8e-4, 8.96e-4, 1.5e-4, -9.3e-4, 1.27e-3, 1e-5),
        Metric("none", 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, math.nan),
    ]
    table = EvaluationReport(rows, n_samples=9, n_reference=9).to_latex()
    begin, *rules, end = table.splitlines()
    assert (begin, end) == (r"\begin{tabular}{lrrr}", r"\end{tabular}")
    assert [line for line in rules if line.startswith("\\")] == [
        r"\toprule", r"\midrule", r"\bottomrule",
    ]  # fmt: skip
    lines = [line for line in rules if not line.startswith("\\")]
    cells = [re.split(r" (?<!\\)& ", line.removesuffix(r" \\")) for line in lines]
    assert {len(line) for line in cells} == {4}
    assert cells[1][1:] == [
        r"$0.0123\,[0.0100, 0.0151]$", r"$0.0040\,[0.0020, 0.0060]$", r"$0.031$",
    ]  # fmt: skip
    assert cells[2][:2] == [r"50\%\_a \& b\textbackslash{}c", r"$428\,[357, 488]$"]
    assert cells[3][1] == r"$-0.05\,[-0.88, 0.90]\times 10^{-3}$"
    assert cells[3][3] == "$< 0.0001$"
    assert cells[4][1:] == [r"$1.00\,[1.00, 1.00]$", r"$0.00\,[0.00, 0.00]$", "--"]
    assert table.count("$") % 2 == 0
    assert table.count("{") == table.count("}")


def row(name, value=1.0, p_value=0.5):
    return Metric(name, value, value - 0.1, value + 0.1, 1.0, 0.9, 1.1, p_value)


def said(rows, p_value):
    return verdict(EvaluationReport(rows, n_samples=20, n_reference=30, p_value=p_value))


def test_verdicts():
    names = ["p2 Wasserstein", "p2 relative error", "euler_number mean", "density", "S2 diversity"]
    rows = [row(name, 3.0, 0.01 * k) for k, name in enumerate(names, 1)]
    state, sentence, remark = said([*rows, row("fine mean")], 0.001)
    assert state == "differ"
    assert sentence == (
        "These 20 images differ from real ones (p = 0.001): two-point correlation, Euler number, "
        "density and diversity of the two-point correlation."
    )
    assert "in 0.1 % of such comparisons" in remark
    many = [row(f"x{k} mean", 3.0, 0.01) for k in range(6)]
    assert said(many, 0.01).sentence.endswith(": x0, x1, x2, x3 and 2 more.")
    assert said([row("a mean")], 0.01).sentence.endswith("in all metrics together.")
    untested = row("clipped density", 3.0, math.nan)
    assert said([untested, *many], 0.01).sentence.endswith(": x0, x1, x2, x3 and 2 more.")
    assert said([untested, row("a mean")], 0.4).state == "alike"


def test_no_difference_is_not_called_equality():
    state, sentence, remark = said([row("a mean"), row("b mean", p_value=math.nan)], 0.43)
    assert (state, sentence) == (
        "alike", "No difference from real images is found among 2 metrics (p = 0.43).",
    )  # fmt: skip
    assert remark.startswith("That is no proof that there is none")


def test_copies_are_told_apart_from_other_differences():
    copies = [row("memorisation mean", 1.5, 0.02), row("memorisation p95", 2.0, 0.01)]
    nearer = (
        "They are nearer to training images than other real images are (memorisation p95 2.00, "
        "real images 1.00)."
    )
    state, sentence, _ = said([*copies, row("a mean")], 0.001)
    assert (state, sentence) == (
        "copies", f"{nearer} No other difference is found among 3 metrics.",
    )  # fmt: skip
    state, sentence, _ = said([*copies, row("a mean", 3.0, 0.01)], 0.001)
    assert (state, sentence) == (
        "differ", f"These 20 images differ from real ones (p = 0.001): a. {nearer}",
    )  # fmt: skip
    assert said([row("memorisation mean", 0.5, 0.01)], 0.001).state == "differ"


def test_without_a_test_the_intervals_are_counted():
    rows = [row("a mean", 3.0, math.nan), row("b mean", 1.1, math.nan)]
    state, sentence, remark = said(rows, math.nan)
    assert state == "open"
    assert sentence == (
        "Of 2 metrics of 20 images, 1 has an interval apart from those of real images: a."
    )
    assert "no test" in remark
    assert "all have intervals that overlap" in said(rows[1:], math.nan).sentence


def test_words_for_rows_and_numbers():
    kinds = {
        "clusters_mean_size mean": "mean", "a mean (2) ratio": "ratio", "x relative error":
        "relative error", "pixel diversity": "diversity", "memorisation mean": "memorisation",
        "coverage": "coverage", "meaning": None, "memorised share": "memorisation",
        "local memorisation mean": "memorisation", "p1 adjusted difference": "adjusted difference",
        "surface anisotropy": "anisotropy", "x outside": "outside", "x spread": "spread",
    }  # fmt: skip
    assert {name: kind_of(name) for name in kinds} == kinds
    assert subject_of("phase_fractions_2 ratio") == "fraction of phase 2"
    assert subject_of("clusters_number mean") == "number of clusters"
    assert subject_of("meaning") == "meaning"
    assert subject_of("clipped density") == "clipped density"
    assert subject_of("p2 anisotropy") == "anisotropy of the two-point correlation"
    assert [p_text(p) for p in (0.001, 0.4321, 1.0, 1e-7, math.nan)] == [
        "0.001", "0.43", "1", "< 0.0001", "-",
    ]  # fmt: skip
    assert p_text(0.03, sign=True) == "= 0.03"
