"""Every reader of spots, on inputs that nobody has foreseen; see ``test_fuzz_readers``."""

from __future__ import annotations

import contextlib
import tempfile
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from fuzzing import Target, meaning_or_refusal, text
from spot_cases import small_turn, toy_spot

from cfr_shm.cards.deck import STANDARD
from cfr_shm.config.load import load_config, parse_config
from cfr_shm.config.reader import Setting
from cfr_shm.config.sections import Config
from cfr_shm.config.spot import SpotConfig
from cfr_shm.errors import CfrShmError
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.run.solve_flops import read_flops, rows_done
from cfr_shm.spots.foreign import read_foreign
from cfr_shm.spots.locks import read_locks
from cfr_shm.spots.places import find_place
from cfr_shm.spots.saved import load_tables, save_tables
from cfr_shm.spots.settled import spot_of
from cfr_shm.spots.sizes import parse_sizes
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.spots.street_trees import build_trees

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="spots are slow when interpreted")

CASES = Path(__file__).parents[1] / "unit" / "spots" / "cases"
SPOT = b"""spot:
  board: 2c2d2h3s3d
  oop: AA,QQ:0.5,7c8c
  ip: "KK,9h8h"
  pot: 100
  stack: 250.5
  bets: 60%, e, a
  raises: 2.5x, a
  donk: ["33%"]
  add_allin: 1.5
  merge: 0.1
  add_lines: [b42]
  remove_lines: [x-b60-f]
  rake_fraction: 0.05
"""
TOURNAMENT = b"""spot:
  board: 2c 2d 2h 3s 3d
  oop: "*"
  ip: "22+"
  pot: 30
  stack: 90
  oop_bets: [50c]
  payouts: [50, 30, 20]
  other_stacks: [100, 20]
"""
LOCKS = (
    b'[{"line": "", "cards": "", "hands": "QQ", "frequencies": {"x": 0.25, "b900": 3}}, '
    b'{"line": "b900", "frequencies": {"f": 1}}]',
    b'[{"line": "x", "hands": "KhKs:0.5", "frequencies": {"x": 1.0, "b900": 1e-3}}]',
    b"[]",
)


@contextlib.contextmanager
def file_of(given: bytes, name: str):
    with tempfile.TemporaryDirectory() as parent:
        path = Path(parent) / name
        path.write_bytes(given)
        yield path


def build(config: Config) -> None:
    """Build a spot; of one that begins before the river its trees alone."""
    river = config.spot.board is not None and len(STANDARD.parse(config.spot.board)) == 5
    halt = None if river else mock.patch("cfr_shm.spots.settled.build_spot", trees_of)
    with (
        mock.patch("cfr_shm.spots.street_trees.MOST_NODES", 5000),
        halt or contextlib.nullcontext(),
    ):
        spot_of(config.spot)


def trees_of(_board: object, _ranges: object, rules: object, *_: object, **__: object) -> SpotGame:
    build_trees(rules)  # type: ignore[arg-type]
    raise CfrShmError("built no further")


def read_spot(given: str) -> None:
    config = parse_config(given)
    if config.spot.locks is None:  # a file somewhere, which is another reader's
        build(config)


def read_export(given: bytes, name: str, tree: str | None) -> None:
    ranges = CASES / "wasm_ranges.json"
    with file_of(given, name) as path:
        solved(read_foreign(path, tree, ranges if name.endswith("json") else None))


def read_ranges(given: bytes) -> None:
    with file_of(given, "ranges.json") as path:
        solved(read_foreign(CASES / "wasm_configurations.json", None, path))


def solved(values: dict[str, str]) -> None:
    flags = [Setting(f"spot.{key}", value, "file", "file") for key, value in values.items()]
    build(load_config(None, {}, [], flags))


@cache
def turn() -> SpotGame:
    return small_turn()


@cache
def river() -> SpotGame:
    return toy_spot(900.0)


def read_given(given: bytes) -> None:
    with file_of(given, "locks.json") as path:
        read_locks(river(), str(path))


@cache
def stored() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as parent, SpotSolver(river()) as solver:
        solver.iterate(3)
        path = save_tables(Path(parent), solver, "f", {"seconds": 1.5})
        return {each.name: each.read_bytes() for each in path.iterdir()}


def read_tables(given: bytes, name: str) -> None:
    """Whatever is taken is what was saved: digests tell all else."""
    with tempfile.TemporaryDirectory() as parent, SpotSolver(river()) as solver:
        path = Path(parent) / "3"
        path.mkdir()
        for each, content in stored().items():
            (path / each).write_bytes(given if each == name else content)
        assert load_tables(Path(parent), solver, "f") == 1.5
        assert solver.iterations == 3
        for each in solver.table_names():
            assert np.isfinite(solver.arena.array(each)).all()


def read_flop_list(given: bytes) -> None:
    with file_of(given, "flops.txt") as path:
        read_flops(str(path))


def read_flop_rows(given: bytes) -> None:
    with file_of(given, "flops.csv") as path:
        rows_done(path)


TARGETS: dict[str, Target] = {
    "spot": Target(text(read_spot), (SPOT, TOURNAMENT)),
    "sizes": Target(
        text(lambda given: parse_sizes(given, raises=True, place="p")),
        (b"60%, 2.5x, 100c, e, 2e, 3e200%, a", b"33 75", b"none"),
    ),
    "tree_export": Target(
        lambda given: read_export(given, "t.json", "turns/S3"),
        ((CASES / "wasm_configurations.json").read_bytes(),),
    ),
    "range_export": Target(read_ranges, ((CASES / "wasm_ranges.json").read_bytes(),)),
    "script": Target(
        lambda given: read_export(given, "s.txt", None),
        (
            (CASES / "texassolver_s5r.txt").read_bytes(),
            b"set_pot 10\nset_board Qs,Jh,2h\nset_bet_sizes oop,flop,bet,50,100\n"
            b"set_bet_sizes ip,turn,allin\nset_allin_threshold 1\nset_range_ip AA\n",
        ),
    ),
    "locks": Target(read_given, LOCKS),
    "place": Target(
        text(lambda given: find_place(turn(), *place(given))), (b"x-b50-c/|As", b"x-x/x|2c", b"b50")
    ),
    "tables_manifest": Target(
        lambda given: read_tables(given, "manifest.json"), (b"", b"{}", b"later")
    ),
    "flop_list": Target(read_flop_list, (b"AsKd2c:3\nTd9d6h 0.5 # two tones\n", b"2c2d2h")),
    "flop_rows": Target(
        read_flop_rows,
        (b"flop,weight,exploitability_percent,ev_oop,ev_ip,check\nAsKd2c,3.0,0.2,12.5,7.5,0.4\n",),
    ),
}


def place(given: str) -> tuple[str, tuple[int, ...]]:
    line, _, cards = given.partition("|")
    return line, turn().hands.deck.parse(cards)


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_spots(name: str) -> None:
    target = TARGETS[name]
    if name == "tables_manifest":
        target = target._replace(seeds=(stored()["manifest.json"],))
    meaning_or_refusal(target)


def test_the_seeds_of_spots_are_read() -> None:
    """Mutations begin at inputs that are right; else nothing behind the first check is reached."""
    TARGETS["tables_manifest"].read(stored()["manifest.json"])
    for name in ("spot", "sizes", "locks", "place", "script", "flop_list", "flop_rows"):
        for seed in TARGETS[name].seeds[:1]:
            TARGETS[name].read(seed)
    for name in ("tree_export", "range_export"):  # which say all but the board
        with pytest.raises(CfrShmError, match=r"spot\.board is needed"):
            TARGETS[name].read(TARGETS[name].seeds[0])


def test_a_section_without_a_board_is_no_spot() -> None:
    with pytest.raises(CfrShmError, match="board"):
        spot_of(SpotConfig())
