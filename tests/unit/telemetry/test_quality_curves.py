"""Quality points of a run come back as curves, a method each."""

from __future__ import annotations

import json

import pytest

from cfr_shm.errors import UsageError
from cfr_shm.telemetry.quality_curves import QualityPoint, quality_curves
from cfr_shm.viewer.run_curves import curves_of


def _line(iterations, method, value, **others):
    line = {"kind": "quality", "iterations": iterations, "seconds": iterations / 10.0}
    line |= {"method": method, "unit": "mbb", "value": value, "n": 40, "checkpoint": "c"}
    return json.dumps(line | others)


@pytest.fixture
def run(tmp_path):
    lines = [
        _line(100, "river", 300.0, low=280.0, high=320.0),
        _line(200, "match", -5.0, low=-9.0, high=-1.0, against="c0"),
        _line(200, "river", 350.0, low=340.0, high=360.0),
        json.dumps({"kind": "interval", "iterations": 250, "nodes": 1}),
        "no line of any kind",
        _line(200, "river", 310.0, low=300.0, high=320.0),  # a resumed run measured it again
        _line(300, "exact", 42.0, low=None, high=None),
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_each_method_is_a_curve_of_its_own(run):
    river, match, exact = quality_curves(run)
    assert (river.method, river.unit) == ("river", "mbb")
    assert river.points == (
        QualityPoint(100, 10.0, 300.0, 280.0, 320.0),
        QualityPoint(200, 20.0, 310.0, 300.0, 320.0),
    )
    assert match.method == "match"
    assert match.points == (QualityPoint(200, 20.0, -5.0, -9.0, -1.0),)
    assert exact.points == (QualityPoint(300, 30.0, 42.0, 42.0, 42.0),)


def test_a_run_that_measured_nothing_has_none_and_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a run directory"):
        quality_curves(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    assert quality_curves(tmp_path) == ()


def test_the_viewer_has_them_with_their_intervals(run):
    curves = curves_of(run)["curves"]
    assert [(each["name"], len(each["points"])) for each in curves] == [
        ("quality: a best response from the river on wins", 2),
        ("quality: wins of an earlier checkpoint", 1),
        ("quality: exploitability", 1),
    ]
    assert curves[0]["points"][0] == (100, 10.0, 300.0, 280.0, 320.0)
