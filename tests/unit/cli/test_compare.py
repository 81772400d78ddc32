"""Learning curves out of metrics.jsonl, and the charts that are made of them."""

from __future__ import annotations

import json
import math
import sys

import pytest

from cfr_shm.cli.main import main
from cfr_shm.errors import UsageError
from cfr_shm.telemetry import plots
from cfr_shm.telemetry.chart import Scale, picture, text_chart
from cfr_shm.telemetry.comparison import AXES, Curve, Point, read_curve


def interval(iterations: int, nodes: int) -> dict:
    return {"kind": "interval", "iterations": iterations, "nodes": nodes, "seconds": 1.0}


def evaluation(iterations: int, exploitability: float, seconds: float | None = None) -> dict:
    return {
        "kind": "evaluation",
        "iterations": iterations,
        "seconds": iterations / 1000 if seconds is None else seconds,
        "exploitability": exploitability,
        "unit": "chips",
    }


def make_run(path, *lines: dict | str, game: str = "leduc") -> str:
    path.mkdir()
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (path / "metrics.jsonl").write_text("".join(f"{text}\n" for text in texts))
    (path / "summary.json").write_text(json.dumps({"game": game}))
    return str(path)


@pytest.fixture
def run(tmp_path) -> str:
    return make_run(
        tmp_path / "one",
        interval(1000, 20_000),
        evaluation(1000, 0.5),
        interval(3000, 60_000),
        evaluation(2000, 0.25),
        evaluation(4000, 0.125),
    )


def test_nodes_are_interpolated_between_interval_lines(run):
    curve = read_curve(run)
    assert (curve.name, curve.game, curve.unit) == (run, "leduc", "chips")
    assert curve.points == (
        Point(1000, 20_000, 1.0, 0.5),
        Point(2000, 40_000, 2.0, 0.25),
        Point(4000, 80_000, 4.0, 0.125),
    )


def test_nodes_of_evaluation_lines_come_first(tmp_path):
    line = {**evaluation(1000, 0.5), "nodes": 7}
    assert read_curve(make_run(tmp_path / "one", interval(1000, 9), line)).points[0].nodes == 7


def test_what_a_resumed_run_did_again_takes_the_place_of_what_was_lost(tmp_path):
    again = make_run(
        tmp_path / "one",
        evaluation(1000, 0.5),
        evaluation(2000, 0.3),
        evaluation(3000, 0.2),
        evaluation(2000, 0.4),
        evaluation(2500, 0.1),
    )
    found = [(point.iterations, point.exploitability) for point in read_curve(again).points]
    assert found == [(1000, 0.5), (2000, 0.4), (2500, 0.1)]


def test_lines_that_were_cut_short_or_are_something_else_are_passed_over(tmp_path):
    curve = read_curve(
        make_run(
            tmp_path / "one",
            '{"kind": "evaluation", "itera',
            "[1, 2]",
            "",
            '{"kind": "evaluation", "iterations": true, "seconds": 1, "exploitability": 1}',
            '{"kind": "evaluation", "iterations": 5, "seconds": 1, "exploitability": null}',
            evaluation(10, 0.5),
            "[" * 100_000,
        )
    )
    assert [point.iterations for point in curve.points] == [10]
    assert math.isnan(curve.points[0].nodes)


@pytest.mark.parametrize("lines", [(), (interval(1000, 3),)])
def test_a_run_without_evaluations_is_refused_with_the_remedy(tmp_path, lines):
    with pytest.raises(UsageError, match="shorter --checkpoint-interval") as caught:
        read_curve(make_run(tmp_path / "one", *lines))
    assert "\n" not in str(caught.value)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a run directory"):
        read_curve(str(tmp_path))


# --- charts ------------------------------------------------------------------------------


def curve_of(name: str, *points: tuple[float, float]) -> Curve:
    return Curve(name, "leduc", "chips", tuple(Point(x, x * 10, x / 1e3, y) for x, y in points))


def test_a_straight_line_on_logarithmic_scales_is_drawn_straight():
    powers = [(10.0**power, 10.0**-power) for power in range(4)]
    lines = text_chart([curve_of("a", *powers)], "iterations", width=31, height=16)
    marks = [
        (row, column - 11)
        for row, line in enumerate(lines)
        for column, character in enumerate(line)
        if character == "A"
    ]
    assert marks == [(0, 0), (5, 10), (10, 20), (15, 30)]
    assert lines[0].startswith("        1 |A")
    assert lines[15].startswith("    0.001 |")
    assert lines[17].split() == ["1", "iterations", "(log)", "1e+03"]
    assert all("a" in line[11:] for line in lines[1:5])


def test_scales_of_one_value_of_zero_and_of_nothing_can_be_drawn():
    assert Scale.over([5.0], 11).cell(5.0) == 5
    assert Scale.over([], 11).cell(1.0) == 5
    assert Scale.over([math.nan, 1.0, 100.0], 11).cell(10.0) == 5
    lines = text_chart([curve_of("a", (1.0, 0.0), (2.0, -1e-17))], "nodes")
    assert any("A" in line for line in lines)


def test_points_without_nodes_are_left_out_of_that_chart_only():
    curve = Curve("a", "leduc", "chips", (Point(10, math.nan, 1.0, 0.5),))
    assert not any("A" in line for line in text_chart([curve], "nodes"))
    assert any("A" in line for line in text_chart([curve], "seconds"))


def test_pictures_are_of_the_kind_that_was_asked_for():
    pytest.importorskip("matplotlib")
    curves = [curve_of("a", (1.0, 0.5), (10.0, 0.1)), curve_of("b", (2.0, 0.0))]
    assert picture(curves, "png").startswith(b"\x89PNG")
    assert b"<svg" in picture(curves, "svg")
    assert picture(curves, "pdf").startswith(b"%PDF")


# --- the command -------------------------------------------------------------------------


def test_the_command_draws_three_charts_and_a_table(run, tmp_path, capsys):
    other = make_run(tmp_path / "two", evaluation(500, 0.7), evaluation(5000, 0.01))
    assert main(["compare", run, other]) == 0
    out = capsys.readouterr().out
    for axis in AXES:
        assert f"exploitability against {axis}" in out
    assert f"A  {run}" in out
    assert f"B  {other}" in out
    assert "0.125 chips" in out


def test_the_command_writes_json_and_a_picture(run, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "compare.png"
    assert main(["compare", run, "--json", "--out", str(out)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document[0]["points"][1] == {
        "iterations": 2000,
        "nodes": 40000,
        "seconds": 2.0,
        "exploitability": 0.25,
    }
    assert out.read_bytes().startswith(b"\x89PNG")
    assert main(["compare", run, "--out", str(out)]) == 2
    assert "replace it with --force" in capsys.readouterr().err
    assert main(["compare", run, "--out", str(out), "--force"]) == 0


def test_runs_of_different_games_are_compared_with_a_warning(run, tmp_path, capsys):
    other = make_run(tmp_path / "two", evaluation(500, 0.7), game="kuhn")
    assert main(["compare", run, other]) == 0
    assert "warning: the runs are of different games: kuhn, leduc" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["{run}"], "was given twice"),
        (["/no/such/run"], "is not a run directory"),
        (["--out", "x.bmp"], "expected a name that ends in .png, .svg, .pdf"),
        (["--out", "/no/such/dir/x.png"], "there is no directory"),
        (["{run}"] * 30, "31 runs; at most 26"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, capsys, more, message):
    assert main(["compare", run, *(each.format(run=run) for each in more)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_without_matplotlib_the_remedy_is_named(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: None)
    assert main(["compare", run, "--out", str(tmp_path / "x.png")]) == 2
    assert "pip install 'cfr-shm[plots]'" in capsys.readouterr().err


def quality(iterations: int, value: float, method: str = "river") -> dict:
    return {
        "kind": "quality",
        "iterations": iterations,
        "seconds": iterations / 1000,
        "method": method,
        "unit": "mbb",
        "value": value,
        "low": value - 9.0,
        "high": value + 9.0,
        "n": 40,
        "checkpoint": str(iterations),
    }


def test_hold_em_is_compared_by_its_quality_curve(run, tmp_path, capsys):
    points = [quality(1000, 500.0, "turn"), quality(2000, 400.0), quality(4000, 300.0)]
    bound = make_run(tmp_path / "bound", interval(4000, 8000), *points, game="holdem")
    curve = read_curve(bound)
    # Bounds of another method are another curve.
    assert [point.exploitability for point in curve.points] == [400.0, 300.0]
    assert (curve.unit, curve.measure) == ("mbb", "river response")
    assert main(["compare", bound]) == 0
    assert "river response against iterations" in capsys.readouterr().out
    assert main(["compare", bound, "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert document["measure"] == "river response"
    assert [point["value"] for point in document["points"]] == [400.0, 300.0]
    assert "exploitability" not in document["points"][0]
    assert main(["compare", bound, run]) == 0
    assert "no one scale: exploitability, river response" in capsys.readouterr().err


def test_exact_points_are_preferred_to_bounds(tmp_path):
    both = make_run(tmp_path / "both", quality(1000, 500.0), evaluation(1000, 0.5))
    assert read_curve(both).measure == "exploitability"
    assert [point.exploitability for point in read_curve(both).points] == [0.5]
