"""``cfr-shm bench``: figures from scripted trainings, trends, pictures, results, bad input."""

from __future__ import annotations

import json
import random
import sys

import pytest
from first_cases import first_cases

from cfr_shm.bench import pictures, results, scaling, soak
from cfr_shm.bench.calibration import TRAINING_SECONDS, TrainingCalibration
from cfr_shm.bench.incidents import replay
from cfr_shm.cli import main as cli
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.errors import GameError
from cfr_shm.games.registry import load_game
from cfr_shm.telemetry.events import Progress


def summary(workers: int, nodes: int) -> dict[str, object]:
    return {
        "nodes_per_second": nodes / 2.0,
        "nodes": nodes,
        "user_cpu_seconds": 1.98 * workers,
        "system_cpu_seconds": 0.02 * workers,
        "busy_fraction": [0.995] * workers,
        "game": "leduc",
        "workers": workers,
    }


def scripted_scaling(monkeypatch) -> scaling.Scaling:
    def train(config, path, **_):
        workers = config.engine.num_workers
        return summary(workers, 1000 * workers if workers < 4 else 3000)

    monkeypatch.setattr(scaling, "train", train)
    return scaling.scaling(Config(), [1, 2, 4], 2.0, 3, lambda text: None)


def test_speed_up_and_efficiency(monkeypatch):
    found = scripted_scaling(monkeypatch)
    assert [point.speed_up for point in found.points] == [1.0, 2.0, 3.0]
    assert [point.cpu_efficiency for point in found.points] == [1.0, 1.0, 0.75]
    assert found.points[2].busy == 0.995
    assert found.points[0].system_fraction == pytest.approx(0.01)


def test_a_trend_has_a_margin_that_covers_the_truth():
    draw = random.Random(1)
    covered = 0
    for _ in range(200):
        values = [100 + 0.1 * at + draw.gauss(0, 1) for at in range(30)]
        found = soak.trend(range(30), values)
        covered += abs(found.drift - 2.9 / 101.45) <= found.margin
    assert 180 <= covered <= 199
    exact = soak.trend([0, 1, 2], [10.0, 11.0, 12.0])
    assert exact.drift == pytest.approx(2 / 11)
    assert exact.margin == pytest.approx(0.0, abs=1e-9)


class ScriptedLoop:
    """A calibration loop whose calls reach what they are told, for so much time of their thread."""

    def __init__(self, rates, seconds=0.1):
        self.cpu_seconds = 0.0
        self._rates, self._seconds = iter(rates), seconds

    def __call__(self):
        self.cpu_seconds += self._seconds
        return next(self._rates)


def scripted_soak(monkeypatch, rates, calibrations, nodes=20, seconds=0.1) -> soak.Soak:
    """Soak a training of two workers that has these rates, and a loop that takes ``seconds``."""
    nodes = nodes if isinstance(nodes, list) else [nodes] * len(rates)
    loop = ScriptedLoop(calibrations, seconds)

    def train(config, path, *, report):
        iterations, visited, cpu = 0, 0, 0.0
        for at, (rate, each) in enumerate(zip(rates, nodes, strict=True)):
            iterations, visited = iterations + 60 * rate, visited + 60 * rate * each
            cpu += 120.0
            report(
                Progress(
                    due=True,
                    iterations=iterations,
                    nodes=visited,
                    seconds=60.0 * (at + 1),
                    iterations_per_second=0,
                    nodes_per_second=0,
                    utility=0,
                    workers=2,
                    busy_fraction=(1.0,),
                    user_cpu_seconds=cpu + loop.cpu_seconds,
                    system_cpu_seconds=0.0,
                    system_cpu_fraction=0,
                    voluntary_context_switches=0,
                    involuntary_context_switches=0,
                )
            )
        return summary(2, 1)

    monkeypatch.setattr(soak, "train", train)
    monkeypatch.setattr(soak, "TrainingCalibration", lambda config, game: loop)
    return soak.soak(Config(), 10.0, 60.0, lambda text: None)


def test_a_soak_blames_the_program_only_for_its_own(monkeypatch):
    falling = [1000 - 10 * minute for minute in range(10)]
    own = scripted_soak(monkeypatch, falling, [1e8] * 10)
    assert own.verdict == "drifts"
    assert own.wall.drift == pytest.approx(-0.0842, abs=1e-3)
    machine = scripted_soak(monkeypatch, falling, [1e5 * rate for rate in falling[1:]] + [1e8])
    assert machine.verdict == "steady"
    assert machine.wall.drift == own.wall.drift
    learned = scripted_soak(
        monkeypatch, falling, [1e8] * 10, nodes=[20_000_000 // rate for rate in falling]
    )
    assert learned.verdict == "steady"
    assert learned.work.drift == pytest.approx(0.0842, abs=1e-3)
    assert scripted_soak(monkeypatch, [1000] * 10, [1e8] * 10).verdict == "steady"


def test_the_time_of_the_calibration_loop_is_not_the_trainings(monkeypatch):
    for seconds in (0.1, 7.0):
        found = scripted_soak(monkeypatch, [1000] * 10, [1e8] * 10, seconds=seconds)
        for minute in found.minutes:
            assert minute.nodes_per_cpu_second == pytest.approx(60 * 1000 * 20 / 120.0)


@pytest.mark.parametrize(
    ("drift", "margin", "verdict"),
    [
        (0.005, 0.01, "steady"),
        (-0.015, 0.012, "steady, within noise"),
        (0.0, 0.067, "undecided"),
        (-0.0186, 0.0668, "undecided"),
        (0.03, 0.02, "undecided"),
        (-0.03, 0.005, "drifts"),
    ],
)
def test_a_verdict_needs_a_narrow_margin(drift, margin, verdict):
    flat = soak.Trend(0.0, 0.0)
    found = soak.Soak("leduc", 2, 60.0, (), wall=flat, work=flat, own=soak.Trend(drift, margin))
    assert found.verdict == verdict


@pytest.mark.parametrize("cost", [0.01, 0.3])
def test_the_calibration_loop_takes_a_small_share_of_a_core(cost):
    loop = ScriptedLoop([1e8] * 1000, cost)
    follower = soak._Follower(loop, 60.0, lambda text: None)
    for tick in range(1, 1201):
        follower(
            Progress(tick % 120 == 0, tick, tick, tick / 2, 0, 0, 0, 2, (1.0,), tick, 0.0, 0, 0, 0)
        )
    assert len(follower.minutes) == 9
    calls = loop.cpu_seconds / cost
    assert calls / 10 == pytest.approx(min(48, 60 * soak.CALIBRATION_SHARE / cost), rel=0.25)


@pytest.mark.parametrize(
    "settings",
    first_cases(
        [
            [],
            ["engine.mode=deterministic", "engine.freeze=64"],
            ["algorithm.name=cfr_plus"],
            ["table.compact=true"],
            ["game.name=kuhn", "game.players=3"],
        ],
        keep=2,
    ),
    ids=["leduc", "deterministic", "full width", "compact", "three players"],
)
def test_the_calibration_loop_always_does_the_same(settings):
    config = load_config("leduc", {}, settings, [])
    loop = TrainingCalibration(config, load_game(config.game, None, config.abstraction))
    assert loop.cpu_seconds == 0.0
    tables = []
    for calls in (1, 2, 3):
        assert loop() > 0.0
        tables.append(loop._views.rows.copy())
        assert loop.cpu_seconds >= calls * TRAINING_SECONDS / 10
    assert tables[0].any()
    assert tables[0].tobytes() == tables[1].tobytes() == tables[2].tobytes()


def test_a_soak_refuses_a_tree_that_is_too_large_before_it_is_built(monkeypatch):
    monkeypatch.setattr(soak, "load_game", lambda *_: pytest.fail("the tree was built"))
    config = load_config("hu_small", {}, ["abstraction.max_nodes=100"], [])
    with pytest.raises(GameError, match="max_nodes"):
        soak.soak(config, 10.0, 60.0, lambda text: None)


@pytest.mark.thorough
def test_a_short_soak(capsys, tmp_path):
    """A real one: the loop and the training come to nodes per CPU second of the same order."""
    command = ["bench", "soak", "--minutes", "0.1", "--interval", "1", "--json"]
    assert cli.main([*command, "--out", str(tmp_path)]) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    assert len(document["minutes"]) >= 3
    for minute in document["minutes"]:
        assert 0.2 < minute["nodes_per_cpu_second"] / minute["calibration"] < 5.0
        assert minute["nodes_per_iteration"] > 2
    assert len(list(tmp_path.glob("soak-*.json"))) == 1


def test_pictures(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    pictures.draw_scaling(scripted_scaling(monkeypatch), tmp_path / "scaling.png")
    pictures.draw_soak(scripted_soak(monkeypatch, [1000] * 10, [1e8] * 10), tmp_path / "soak.png")
    rows = (
        replay.Comparison("D2", "busy fraction", "50%", "99%", 2.0, ">= 99 %", True),
        replay.Comparison("D5", "polls per batch", "100", "2", 50.0, "", None),
    )
    trace = ((0.1, 2.0), (0.2, 0.0))
    pictures.draw_replay(replay.Replay(rows, trace, trace, 2), tmp_path / "incidents.png")
    for name in ("scaling", "soak", "incidents"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_results_are_kept_with_the_machine(tmp_path):
    path = results.keep_result("scaling", {"points": []}, tmp_path)
    document = json.loads(path.read_text())
    assert document["machine"]["cores"] >= 1
    assert document["machine"]["id"] in path.name
    assert results.machine_description()["id"] == document["machine"]["id"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["incidents", "--seconds", "0"], "--seconds is 0; expected 1 to 600"),
        (["scaling", "--workers", "1,two"], "expected numbers like 1,2,4"),
        (["scaling", "--workers", "2,2"], "given twice"),
        (["scaling", "--workers", "0"], "--workers is 0; expected 1 to 1024"),
        (["soak", "--minutes", "1"], "--minutes is 1; expected 5 to"),
        (["soak", "-c", "ledduc"], "did you mean 'leduc'"),
        (["scaling", "--out", "/dev/null/x"], "--out /dev/null/x: cannot be made"),
        ([], "ACTION"),
    ],
)
def test_bad_input(arguments, expected, capsys):
    assert cli.main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_a_picture_without_matplotlib(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["bench", "incidents", "--plot", "x.png"]) == 2
    assert "cfr-shm[plots]" in capsys.readouterr().err


def test_system_calls_are_counted_between_the_marks():
    trace = (
        'read(3, "x", 1) = 1\n'
        f'stat("{replay.BEGIN_MARK}", 0x7ff) = -1 ENOENT\n'
        "poll([]) = 0\npoll([]) = 0\n"
        f'stat("{replay.END_MARK}", 0x7ff) = -1 ENOENT\n'
        "exit_group(0) = ?\n"
    )
    assert replay.count_calls(trace) == 2
    assert replay.count_calls("poll([]) = 0\n") is None


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="the old behaviour hangs on POSIX pipes")
def test_a_side_that_hangs_is_ended_with_all_its_processes(tmp_path):
    import psutil

    before = set(psutil.Process().children(recursive=True))
    assert replay.run_side("old-join-before-drain", 2, 1.0, 4.0, may_hang=True) is None
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_side_that_fails_says_why():
    with pytest.raises(replay.CfrShmError, match="no-such-side ended with status 1: KeyError"):
        replay.run_side("no-such-side", 1, 1.0)


@pytest.mark.thorough
def test_messages_are_small_and_ours_are_smaller():
    old = replay.run_side("old-drain-before-join", 1, 1.0)
    new = replay.run_side("new-messages", 1, 0.5)
    assert old["bytes_per_batch"] > 1000 * new["bytes_per_batch"]
    assert new["batches"] > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the old behaviour hangs on POSIX pipes")
def test_every_promise_about_the_incidents_holds(tmp_path, capsys):
    assert cli.main(["bench", "incidents", "--seconds", "6", "--json", "--out", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["all_met"]
    assert {row["incident"] for row in document["comparisons"]} == {"D1", "D2", "D3", "D4", "D5"}
    assert len(list(tmp_path.glob("incidents-*.json"))) == 1
