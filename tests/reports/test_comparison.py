"""Reports side by side: one table of all, and refusals of what cannot be compared."""

import json
import math

import numpy as np
import pytest
from cases import case

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface
from skmicro.evaluation import EvaluationReport, Metric, compare, evaluate


def report(values, n_samples=10, n_reference=12, names=("a", "b"), p_value=0.3):
    rows = [
        Metric(name, value, value - 0.5, value + 0.5, 1.0 + k, 0.5, 2.0 + k, p_value)
        for k, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    return EvaluationReport(rows, n_samples=n_samples, n_reference=n_reference, p_value=p_value)


@pytest.fixture
def comparison():
    return compare({"first": report([1.0, 2.0]), "second_1": report([3.0, 4.0], p_value=0.01)})


def test_one_table_of_all(comparison):
    title, *said, heads, first, second = str(comparison).splitlines()
    assert title == "10 images of each generator against 12 real ones; * where they differ"
    assert [line.split(":")[0] for line in said] == ["first", "second_1"]
    assert heads.split() == ["metric", "first", "second_1", "real"]
    assert first.split() == [
        "a", "1", "[0.5,", "1.5]", "3", "[2.5,", "3.5]*", "1", "[0.5,", "2]",
    ]  # fmt: skip
    assert len(heads) == len(first) == len(second)


def test_frame_and_dictionary_have_all_numbers(comparison):
    frame = comparison.to_frame()
    assert frame.shape == (2, 14)
    assert frame.index.tolist() == ["a", "b"]
    assert frame["second_1"].loc["b", "high"] == 4.5
    assert frame["second_1", "p_value"].tolist() == [0.01, 0.01]
    read = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert read["second_1"] == comparison["second_1"].to_dict()
    with pytest.raises(KeyError, match=r"name must be one of .*second_1.*got 'third'"):
        comparison["third"]


def test_latex_marks_differences(comparison):
    lines = comparison.to_latex().splitlines()
    assert lines[2] == r"metric & first & second\_1 & real \\"
    assert (
        lines[4] == r"a & $1.00\,[0.50, 1.50]$ & $3.00^{*}\,[2.50, 3.50]$ & $1.00\,[0.50, 2.00]$ \\"
    )


def test_names():
    rows = report([1.0, 2.0])
    assert list(compare([rows, rows]).reports) == ["generator 1", "generator 2"]
    assert list(compare([rows, rows], names=["x", "y"]).reports) == ["x", "y"]
    assert list(compare({"x": rows, "y": rows}).reports) == ["x", "y"]


def test_the_baseline_is_shared():
    first, second = report([1.0, 2.0]), report([1.0, 2.0])
    second.metrics[0] = second.metrics[0]._replace(baseline=3.0, baseline_low=0.1)
    assert " 2 [0.1, 2]" in str(compare([first, second]))


def test_refusals():
    good = report([1.0, 2.0])
    bad = [
        (([good],), {}, ValueError, "reports must hold at least two reports, got 1"),
        ((good,), {}, TypeError, "reports must be a list, tuple or array"),
        (([good, 3],), {}, TypeError, "reports must hold objects of EvaluationReport.*got int"),
        (([good, report([1, 2], n_reference=13)],), {}, ValueError,
         "reports must have the same n_reference, got 12 and 13"),
        (([good, report([1, 2], n_samples=11)],), {}, ValueError,
         "reports must have the same n_samples, got 10 and 11"),
        (([good, report([1, 2], names="ac")],), {}, ValueError, r"the same rows.*\['b', 'c'\]"),
        (([good, report([1, 2], names="ba")],), {}, ValueError, "the same rows.*another order"),
        (({"a": good, "b": good},), {"names": ["a", "b"]}, ValueError, "names must be None for a"),
        (([good, good],), {"names": ["a", "a"]}, ValueError, "names must be 2 different ones"),
        (([good, good],), {"names": ["a"]}, ValueError, r"names must be 2 different.*\['a'\]"),
        (([good, good],), {"names": ["a", 1]}, TypeError, "names must be strings, got 1"),
        (([good, good],), {"names": "ab"}, TypeError, "names must be a list, tuple or array"),
    ]  # fmt: skip
    for arguments, options, error, message in bad:
        with case(message), pytest.raises(error, match=message):
            compare(*arguments, **options)


def test_other_test_images_are_refused():
    X, _ = make_cahn_hilliard(24, (16, 16), n_steps=100, random_state=0)
    settings = {"descriptors": [SpecificSurface()], "n_bootstrap": 2, "random_state": 0}
    a, b, c, d = np.split(X, 4)
    first, again, other = (evaluate(a, b, test, **settings) for test in (c, c.copy(), d))
    assert math.isnan(first.p_value) or 0 <= first.p_value <= 1
    assert "EvaluationReport" in type(compare([first, again])["generator 1"]).__name__
    first.evidence.origin["settings"]["targets"] = "{'p1': 0.5}"
    compare([first, again])  # images of another program have no targets
    elsewhere = evaluate(a, b, c, **settings, periodic=False)
    with pytest.raises(ValueError, match="made with the same periodic, got True and False"):
        compare([first, elsewhere])
    other.metrics = first.metrics
    with pytest.raises(ValueError, match="against the same X_test, got different images"):
        compare([first, other])
