"""The curve of a run: points while it trains, one at its end, the same boards throughout."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_decks import ROYAL

from cfr_shm.cli.main import main
from cfr_shm.cli.sources import load_players
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.evaluation import measure
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.measure import measure_from
from cfr_shm.evaluation.range_match import range_match
from cfr_shm.evaluation.sampled_response import BoardGains
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import HISTORY, Checkpoint, CheckpointStore
from cfr_shm.run import quality, quality_reader
from cfr_shm.run.past_match import LEAST_BOARDS, PastMatches
from cfr_shm.run.quality import LIGHT, OFF, Offered, make_quality_ready, quality_mode
from cfr_shm.run.quality_reader import QualityReader, Reading
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


def test_the_curve_of_a_run_for_three_is_what_seats_gain_that_learn(tmp_path, monkeypatch):
    """Piece by piece; a seat that learns for no time gains nothing, as surely as can be."""
    monkeypatch.setitem(quality.END_SECONDS, LIGHT, 0.2)
    monkeypatch.setattr(quality_reader, "SHARE", 0.9)
    monkeypatch.setattr(measure, "DEFAULT_DEALS", 20_000)
    (tmp_path / "three.yaml").write_text(
        ROYAL.replace("name: holdem,", "name: holdem, players: 3,")
    )
    run = tmp_path / "run"
    command = ["train", "-c", str(tmp_path / "three.yaml"), "--num-workers", "1"]
    command += ["--checkpoint-interval", "0.2", "--set", "run.quality=light"]
    command += ["--set", "run.stop=exploiter<1e8", "--iters", "2000000000"]
    assert main([*command, "--logdir", str(run)]) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["ended_by"].startswith("run.stop exploiter<1e+08: ")
    first, last = lines(run, "quality")
    assert (first["method"], first["n"]) == ("exploiter", 20_000)
    assert 0 < first["iterations"] < last["iterations"] == summary["iterations"]
    assert first["low"] <= first["value"] <= first["high"]


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


@pytest.fixture(scope="module")
def game(run) -> Game:
    config = load_config(run / "config.yaml")
    found = load_game(config.game, abstraction=config.abstraction)
    make_quality_ready(found, print)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to it")


def test_the_reader_measures_what_it_is_offered_and_ends_between_two_boards(run, game, monkeypatch):
    monkeypatch.setattr(quality_reader, "LIGHT_SECONDS", 0.0)
    store = CheckpointStore(run / "checkpoints")
    told, heard = [], threading.Event()

    def listen(event) -> None:
        told.append(event)
        heard.set()

    reader = QualityReader(game, store.held, listen, Reading(LIGHT, share=0.5))
    reader.offer(run / "checkpoints" / "7", 7, 0.1)  # gone: the curve goes on without it
    reader.offer(run / "checkpoints" / "4000", 4000, 1.0)
    assert heard.wait(60)
    (point,) = told
    least = quality_reader.LEAST_BOARDS
    assert (point.iterations, point.n, point.checkpoint) == (4000, least, "4000")
    # At a share of nothing it would sleep for hours; closing does not wait for that.
    slow = QualityReader(game, store.held, listen, Reading(LIGHT, share=1e-9))
    slow.offer(run / "checkpoints" / "4000", 4000, 1.0)
    time.sleep(0.2)
    slow.close()
    reader.close()
    assert told == [point]


def test_an_end_does_not_wait_for_a_long_piece_of_which_nothing_is_told(run, game, monkeypatch):
    going, goes_on, told = threading.Event(), threading.Event(), []

    def long_board(self, index) -> np.ndarray:
        going.set()
        goes_on.wait(60)
        return np.zeros(2)

    monkeypatch.setattr(quality_reader, "LIGHT_SECONDS", 0.0)
    monkeypatch.setattr(quality_reader, "LEAST_BOARDS", 1)
    monkeypatch.setattr(BoardGains, "__call__", long_board)
    store = CheckpointStore(run / "checkpoints")
    reader = QualityReader(game, store.held, told.append, Reading(LIGHT, share=1.0))
    reader.offer(run / "checkpoints" / "4000", 4000, 1.0)
    assert going.wait(60)
    reader.close()  # returns although the board is not over
    reader.offer(run / "checkpoints" / "4000", 4000, 1.0)  # of no use any more
    thread = next(each for each in threading.enumerate() if each.name == "cfr-shm-quality")
    assert thread.is_alive()
    assert thread.daemon  # nor does the process wait for it
    goes_on.set()
    thread.join(60)
    assert told == []
    assert len(store.held) == 0


def saved(store: CheckpointStore, game: Game, *counts: int) -> list[int]:
    """Save checkpoints of so many iterations; return what is there then."""
    for iterations in counts:
        rows = np.ones(table_words(game.table_entries)) * iterations
        ranges, sums = ((0, iterations),), (0.0,) * game.player_count
        store.save(Checkpoint("f", {}, ranges, iterations, 0, sums, 0.0, rows), game)
    return [each.iterations for each in store.stored()]


def test_what_is_held_is_kept_until_it_is_released_as_often(tmp_path):
    game = load_game(Config().game)
    store = CheckpointStore(tmp_path / "checkpoints", keep=2)
    first = store.directory / "1"
    saved(store, game, 1)
    store.held.hold(first)
    store.held.hold(first)
    assert saved(store, game, 2, 3, 4) == [1, 3, 4]
    store.held.release(first)
    assert saved(store, game, 5) == [1, 4, 5]
    store.held.release(first)
    assert saved(store, game, 6) == [5, 6]


def test_the_reader_holds_what_it_has_not_read_yet(run, game, tmp_path, monkeypatch):
    monkeypatch.setattr(quality_reader, "LIGHT_SECONDS", 0.0)
    store = CheckpointStore(tmp_path / "checkpoints", keep=2)
    loads, read, told = threading.Event(), quality_reader.load_checkpoint, []

    def slow_load(path: Path) -> Checkpoint:
        loads.wait(60)
        return read(path)

    monkeypatch.setattr(quality_reader, "load_checkpoint", slow_load)
    reader = QualityReader(game, store.held, told.append, Reading(LIGHT, share=0.9))
    saved(store, game, 1)
    reader.offer(store.directory / "1", 1, 1.0)
    wait_for(lambda: reader._newest is None)  # it is about to read it
    assert saved(store, game, 2, 3, 4) == [1, 3, 4]
    reader.offer(store.directory / "3", 3, 3.0)
    reader.offer(store.directory / "4", 4, 4.0)  # takes the place of the one before
    assert saved(store, game, 5, 6, 7) == [1, 4, 6, 7]
    loads.set()
    wait_for(lambda: len(told) == 2)
    reader.close()
    assert [point.iterations for point in told] == [1, 4]
    assert saved(store, game, 8) == [7, 8]


class Taken:
    """Deletes, moves or replaces a copy of a run at the n-th file that is opened in it."""

    def __init__(self, run: Path, place: Path, how: str) -> None:
        self._run, self._how, self.path = run, how, place / "taken"
        self._moved, self.looks, self._at, self._active = place / "moved", 0, 0, False

    def put(self, at: int) -> None:
        """Put the run there, to be taken away at look ``at``."""
        self._active = False
        for each in (self.path, self._moved):
            shutil.rmtree(each, ignore_errors=True)
        shutil.copytree(self._run, self.path)
        self.looks, self._at, self._active = 0, at, True

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._active or event not in ("open", "os.listdir", "os.scandir"):
            return
        if not str(arguments[0]).startswith(str(self.path)):
            return
        self.looks += 1
        if self.looks == self._at:
            self._active = False
            if self._how == "deleted":
                shutil.rmtree(self.path)
            else:
                self.path.rename(self._moved)
            if self._how == "replaced":
                shutil.copytree(self._run, self.path)
                newest = self.path / "checkpoints" / "4000"
                for each in newest.iterdir():
                    each.write_bytes(b"")


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_run_that_is_taken_away_while_it_is_read_ends_no_curve(
    run, game, tmp_path, monkeypatch, how
):
    """Whenever it happens: the reader goes on, says nothing wrong and holds nothing."""
    monkeypatch.setattr(quality_reader, "LIGHT_SECONDS", 0.0)
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    taken, told = Taken(run, tmp_path, how), []
    sys.addaudithook(taken.hook)
    store = CheckpointStore(run / "checkpoints")
    reader = QualityReader(game, store.held, told.append, Reading(LIGHT, share=0.9))

    def points_when_taken(at: int) -> int:
        told.clear()
        taken.put(at)
        reader.offer(taken.path / "checkpoints" / "4000", 4000, 1.0)
        wait_for(lambda: len(store.held) == 0)
        reader.offer(run / "checkpoints" / "40000", 40000, 2.0)
        wait_for(lambda: bool(told) and told[-1].iterations == 40000)
        return len(told)

    assert points_when_taken(0) == 2
    looks, value = taken.looks, told[0].value
    assert looks >= 3
    for at in range(1, looks + 1):
        if points_when_taken(at) == 2:  # it had read what it needs
            assert told[0].value == value
    taken.put(0)
    reader.close()
    assert failed == []
    assert len(store.held) == 0


def test_checkpoints_meet_those_two_thirds_as_far(run, game):
    store = CheckpointStore(run / "checkpoints")
    early, late = (Offered(store.directory / name, int(name), 1.0) for name in ("4000", "40000"))
    matches = PastMatches(game, store.held, 1e6, None)
    assert matches.offer(early) == []
    assert matches.offer(early._replace(iterations=5999)) == []  # not far enough
    assert not matches.playing
    assert matches.offer(late) == []
    points = []
    while matches.playing:
        points += matches.play()
    (point,) = points
    assert (point.method, point.n, point.checkpoint, point.against) == (
        *("match", LEAST_BOARDS, "40000", "4000"),
    )
    assert point.low < point.value < point.high
    assert point.value > 0.0
    # As ``match`` has it, on the same boards.
    expected = range_match(*strategies_of(run, "40000", "4000"), Length(LEAST_BOARDS))
    assert point.value == pytest.approx(expected.value.value * 1000 / game.big_blind)
    matches.close()
    # A match that is not decided when its successor comes ends with what is known by then.
    matches = PastMatches(game, store.held, 1e-9, early)
    matches.offer(late)
    for _ in range(LEAST_BOARDS + 1):
        matches.play()
    (undecided,) = matches.offer(late._replace(iterations=60_000))
    assert undecided.n == LEAST_BOARDS + 1
    assert matches.playing
    matches.close()
    assert len(store.held) == 0


def strategies_of(run: Path, *names: str):
    return load_players([f"{run}@{name}" for name in names], None)


@pytest.mark.thorough
def test_a_run_that_gets_no_better_ends_by_its_matches(tmp_path, monkeypatch, capsys):
    """As soon as gains are below what can hardly be won, three times running."""
    monkeypatch.setattr(quality, "AT_ONCE_SECONDS", 0.0)
    monkeypatch.setattr(quality_reader, "LIGHT_SECONDS", 0.0)
    monkeypatch.setattr(quality_reader, "SHARE", 0.9)
    monkeypatch.setitem(quality.END_SECONDS, LIGHT, 0.1)
    (tmp_path / "royal.yaml").write_text(ROYAL)
    run = tmp_path / "run"
    command = ["train", "-c", str(tmp_path / "royal.yaml"), "--num-workers", "1"]
    command += ["--set", "run.quality=light", "--set", "run.stop=match<1000"]
    command += ["--iters", "2000000000", "--checkpoint-interval", "0.2", "--logdir", str(run)]
    assert main(command) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["ended_by"].startswith("run.stop match<1000: ")
    points = [line for line in lines(run, "quality") if line["method"] == "match"]
    assert len(points) == 3
    assert all(point["high"] < 2000.0 for point in points)
    assert all(int(point["checkpoint"]) >= 1.5 * int(point["against"]) for point in points)
    assert summary["quality"]["method"] == "river"
    # The rest of the curve is the same, and what is held is released at the end.
    assert "river response" in _compared(run, capsys)
    kept = [path.name for path in (run / "checkpoints").iterdir()]
    assert len(kept) == 2


def _compared(run: Path, capsys) -> str:
    capsys.readouterr()
    assert main(["compare", str(run)]) == 0
    return capsys.readouterr().out


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
