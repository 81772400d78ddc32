"""The curve of a run: points while it trains, one at its end, the same boards throughout."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from small_decks import ROYAL

from cfr_shm.cli.main import main
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.evaluation.measure import measure_from
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import HISTORY, Checkpoint, CheckpointStore
from cfr_shm.run import quality
from cfr_shm.run.quality import LIGHT, OFF, QualityReader, make_quality_ready, quality_mode
from cfr_shm.run.schedule import History
from cfr_shm.telemetry.events import QualityMeasured
from cfr_shm.telemetry.progress import describe
from cfr_shm.telemetry.tensorboard import scalars_of

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="nothing is measured without compiled kernels")

PREFLOP = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5, board_cards: [0]}
abstraction: {preflop: [[allin]], limp: false, bucket_method: percentile, bucket_counts: [25]}
"""
POINT = QualityMeasured(100, 2.0, "river", "mbb", 391.8, 355.2, 428.4, 40, "100")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with two checkpoints, the second of a resumed part."""
    place = tmp_path_factory.mktemp("quality")
    (place / "royal.yaml").write_text(ROYAL)
    path = place / "run"
    train = ["train", "-c", str(place / "royal.yaml"), "--num-workers", "1", "--iters", "4000"]
    train += ["--set", "run.quality=light", "--set", "run.keep_checkpoints=5"]
    train += ["--set", "run.keep_history=false"]  # no checkpoint but the two that end the parts
    with pytest.MonkeyPatch.context() as patch:
        # As if exact answers took long, and a point at the end little.
        patch.setattr(quality, "AT_ONCE_SECONDS", 0.0)
        patch.setitem(quality.END_SECONDS, LIGHT, 0.2)
        assert main([*train, "--logdir", str(path)]) == 0
        assert main(["resume", str(path), "--iters", "40000", "--set", "run.quality=light"]) == 0
    return path


def lines(run: Path, kind: str) -> list[dict]:
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in found if line["kind"] == kind]


def test_a_run_ends_with_a_point_and_a_resumed_one_goes_on_with_the_curve(run, capsys):
    first, last = lines(run, "quality")
    summary = json.loads((run / "summary.json").read_text())
    assert summary["exploitability"] is None
    assert summary["quality"]["value"] == last["value"]
    assert (first["checkpoint"], last["checkpoint"]) == ("4000", "40000")
    assert first["low"] < first["value"] < first["high"]
    assert last["value"] < first["value"]
    # The same boards: whoever asks for as many gets the same number.
    for point in (first, last):
        name = f"{run}@{point['checkpoint']}"
        capsys.readouterr()
        boards = ["--method", point["method"], "--boards", str(point["n"]), "--json"]
        assert main(["eval", name, *boards]) == 0
        assert json.loads(capsys.readouterr().out)["value"] == point["value"]


def test_a_run_that_ends_preflop_ends_with_the_exact_answer(tmp_path, capsys):
    (tmp_path / "game.yaml").write_text(PREFLOP)
    run = ["--num-workers", "1", "--iters", "20000", "--logdir", str(tmp_path / "run"), "--json"]
    light = ["--set", "run.quality=light"]
    assert main(["train", "-c", str(tmp_path / "game.yaml"), *run, *light]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert 0.0 < summary["exploitability"]["value"] < 0.5
    assert summary["quality"] is None


def test_a_run_for_three_ends_with_what_seats_gain_that_learn(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(quality.END_SECONDS, LIGHT, 0.1)
    (tmp_path / "three.yaml").write_text(
        ROYAL.replace("name: holdem,", "name: holdem, players: 3,")
    )
    run = ["--num-workers", "1", "--iters", "500", "--logdir", str(tmp_path / "run"), "--json"]
    light = ["--set", "run.quality=light"]
    assert main(["train", "-c", str(tmp_path / "three.yaml"), *run, *light]) == 0
    told = capsys.readouterr()
    summary = json.loads(told.out)
    assert (summary["exploitability"], summary["quality"]["method"]) == (None, "exploiter")
    assert summary["quality"]["low"] <= summary["quality"]["value"] <= summary["quality"]["high"]
    assert "a seat that learns to play against all others gains" in told.err
    (point,) = lines(tmp_path / "run", "quality")
    assert point["value"] == summary["quality"]["value"]


def test_the_reader_measures_what_it_is_offered_and_ends_between_two_boards(run, monkeypatch):
    monkeypatch.setattr(quality, "LIGHT_SECONDS", 0.0)
    config = load_config(run / "config.yaml")
    game = load_game(config.game, abstraction=config.abstraction)
    make_quality_ready(game, print)
    told, heard = [], threading.Event()

    def listen(event) -> None:
        told.append(event)
        heard.set()

    reader = QualityReader(game, listen, LIGHT, share=0.5)
    reader.offer(run / "checkpoints" / "7", 7, 0.1)  # gone: the curve goes on without it
    reader.offer(run / "checkpoints" / "4000", 4000, 1.0)
    assert heard.wait(60)
    (point,) = told
    assert (point.iterations, point.n, point.checkpoint) == (4000, quality.LEAST_BOARDS, "4000")
    # At a share of nothing it would sleep for hours; closing does not wait for that.
    slow = QualityReader(game, listen, LIGHT, share=1e-9)
    slow.offer(run / "checkpoints" / "4000", 4000, 1.0)
    time.sleep(0.2)
    slow.close()
    reader.close()
    assert told == [point]


def test_points_are_the_first_boards_of_longer_measurements(run):
    from cfr_shm.cli.sources import open_strategy

    strategy = open_strategy(f"{run}@4000").strategy
    few = measure_from(strategy, "river", boards=5)
    assert few.settings == {"boards": 5, "seed": quality.SEED}


def test_what_cannot_be_measured_has_no_curve(tmp_path):
    config = Config()
    assert quality_mode(config, load_game(config.game)) == OFF


def test_a_history_grows_by_half_each_time():
    history = History(True, 0)
    assert not history.is_due(10**9, 9.9)
    assert history.is_due(1000, 10.0)
    history.kept(1000)
    assert not history.is_due(1499, 99.0)
    assert history.is_due(1500, 12.0)
    assert not History(True, 1000).is_due(1499, 99.0)
    assert not History(False, 0).is_due(10**9, 99.0)


def test_history_is_kept_beside_the_newest(tmp_path):
    game = load_game(Config().game)
    store = CheckpointStore(tmp_path / "checkpoints", keep=2)
    for iterations in range(1, 8):
        rows = np.zeros(table_words(game.table_entries))
        extra = {HISTORY: True} if iterations in (1, 2, 4) else {}
        ranges = ((0, iterations),)
        sums = (0.0, 0.0)
        store.save(Checkpoint("f", {}, ranges, iterations, 0, sums, 0.0, rows, extra), game)
    kept = {each.iterations: each.history for each in store.stored()}
    assert kept == {1: True, 2: True, 4: True, 6: False, 7: False}


def test_points_in_words_and_scalars():
    assert scalars_of(POINT) == {"Quality/river": 391.8}
    level, words = describe(POINT)
    assert level == "info"
    assert "wins 391.8 mbb (95 % CI 355.2 to 428.4, 40 boards)" in words
