"""Every reader and parser of what others may have written, on inputs that nobody has foreseen.

Whatever comes: the value that is meant, or an error of the project's own in one line that fits a
terminal; never another exception, never a wait. A short form with fixed seeds is part of every
test run; ``nox -s fuzz`` goes on for minutes with new inputs (``CFR_SHM_FUZZ_EXAMPLES`` for each
reader), and prints the input that failed, which becomes a test of its reader.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from fuzzing import EXAMPLES, Target, meaning_or_refusal, text
from hypothesis import given, settings
from hypothesis import strategies as st

from cfr_shm.cards.abstraction import methods_from
from cfr_shm.cards.deck import DECKS, STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import build_parser
from cfr_shm.config.load import load_config, parse_config
from cfr_shm.config.reader import read_list, read_yaml
from cfr_shm.config.shipped import shipped_configs
from cfr_shm.errors import CfrShmError
from cfr_shm.games.holdem.lines import parse_line
from cfr_shm.games.imported.user_game import _parse_call, _path
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.run.directory import StoredRun
from cfr_shm.storage.documents import DocumentError, parse_document
from cfr_shm.storage.manifest import decode_manifest
from cfr_shm.telemetry.comparison import read_curve
from cfr_shm.telemetry.plain_text import plain_line
from cfr_shm.telemetry.recorded import diagnose_run

GAME = kuhn()


@cache
def checkpoint_files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as parent:
        rows = np.zeros(table_words(GAME.table_entries))
        checkpoint = Checkpoint("f", {}, ((0, 100),), 100, 0, (0.0, 0.0), 1.0, rows)
        path = CheckpointStore(Path(parent)).save(checkpoint, GAME)
        return {each.name: each.read_bytes() for each in path.iterdir()}


def read_checkpoint(given: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as parent:
        path = Path(parent) / "100"
        path.mkdir()
        for each, content in checkpoint_files().items():
            (path / each).write_bytes(given if each == name else content)
        store = CheckpointStore(Path(parent))
        store.stored()
        loaded = store.load_latest(warn=plain_line, game=GAME)
        assert loaded.rows.tobytes() == bytes(8 * table_words(GAME.table_entries))


def read_records(given: bytes, name: str) -> None:
    evaluation = b'{"kind": "evaluation", "iterations": 9, "seconds": 1, "exploitability": 0.1}\n'
    with tempfile.TemporaryDirectory() as parent:
        (Path(parent) / "metrics.jsonl").write_bytes(evaluation)
        (Path(parent) / name).write_bytes(given)
        with contextlib.suppress(CfrShmError):
            read_curve(parent)
        diagnose_run(Path(parent))


def read_run(given: str) -> None:
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as parent:
        os.chdir(parent)
        try:
            StoredRun(given)
        finally:
            os.chdir(home)


def read_config_of_a_run(given: bytes) -> None:
    with tempfile.TemporaryDirectory() as parent:
        (Path(parent) / "config.yaml").write_bytes(given)
        StoredRun(parent).load_config()


def read_arguments(given: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        build_parser().parse(given.split("|"))


def read_override(given: str) -> None:
    load_config(overrides=[given])


def a_document(given: bytes) -> None:
    with contextlib.suppress(DocumentError):
        parse_document(given)


SHIPPED = tuple(path.read_bytes() for path in shipped_configs().values())
RECORDS = (
    b'{"kind": "interval", "iterations": 10, "nodes": 5, "seconds": 1.0, "user_cpu_seconds": 1.0, '
    b'"system_cpu_seconds": 0.1, "busy_fraction": [1.0], "worker_restarts": [0]}\n'
    b'{"kind": "interval", "iterations": 90, "nodes": 9, "seconds": 9.0, "user_cpu_seconds": 8.0, '
    b'"system_cpu_seconds": 0.2, "busy_fraction": [1.0]}\n',
    b'{"kind": "processes", "time": 1.0, "seconds": 1.0, "processes": [{"pid": 1, "role": "main", '
    b'"user_fraction": 0.1, "system_fraction": 0.1, "voluntary_per_second": 1.0, '
    b'"involuntary_per_second": 1.0, "resident_bytes": 1}], "machine": {"cores": 2, '
    b'"busy_fraction": 0.5, "system_fraction": 0.1, "stolen_fraction": 0.0}}\n',
    b'{"kind": "evaluation", "iterations": 9, "seconds": 1.0, "exploitability": 0.1}\n',
)

TARGETS: dict[str, Target] = {
    "config": Target(text(lambda given: parse_config(given)), SHIPPED),
    "config_file": Target(read_config_of_a_run, SHIPPED),
    "yaml": Target(text(lambda given: read_yaml(given, "c.yaml")), SHIPPED),
    "list": Target(
        text(lambda given: read_list(given, "--set")), (b"[[0.5, allin], [1.0]]", b"[]")
    ),
    "override": Target(
        text(read_override),
        (b"run.seed=1", b"game.stacks=[100bb, 50]", b"abstraction.flop=[[0.5, allin]]", b"a.b=c"),
    ),
    "document": Target(a_document, (*RECORDS, b'{"a": [1, 2.5e3, "x\\u00e9", null, true]}')),
    "manifest": Target(
        lambda given: decode_manifest(given, Path("m")), (checkpoint_files()["manifest.json"],)
    ),
    "checkpoint_manifest": Target(
        lambda given: read_checkpoint(given, "manifest.json"),
        (checkpoint_files()["manifest.json"],),
    ),
    "checkpoint_rows": Target(
        lambda given: read_checkpoint(given, "rows.npy"), (checkpoint_files()["rows.npy"],)
    ),
    "metrics": Target(lambda given: read_records(given, "metrics.jsonl"), RECORDS),
    "summary": Target(
        lambda given: read_records(given, "summary.json"), (b'{"game": "kuhn", "iterations": 1}',)
    ),
    "run_name": Target(text(read_run), (b"runs/latest", b"run@1000", b"run@1_000,000", b"@1")),
    "range": Target(
        text(lambda given: parse_range(STANDARD, given)),
        (b"AA,KQs:0.5,T9o+,22-66,AhKh", b"[50]QQ+[/50], A5s-A2s", b'{"data": ["AA"]}'),
    ),
    "cards": Target(
        text(lambda given: [deck.parse(given) for deck in DECKS.values()]), (b"AhKd", b"2c 7h Td")
    ),
    "line": Target(
        text(parse_line), (b"b2.5bb c | x b50% c | x x", b"r3 f", b"allin c", b"x/x/b0.33")
    ),
    "call": Target(text(lambda given: _parse_call("g.py:f", given)), (b"f", b"f(a=1, b=[2, 'x'])")),
    "game_path": Target(text(_path), (b"~/games/g.py:f", b"../g.py:f(a=1)")),
    "bucket_methods": Target(text(methods_from), (b"ochs", b"flop=emd,turn=emd,river=ochs")),
    "arguments": Target(
        text(read_arguments),
        (
            b"train|--iters|1e6|--set|run.seed=1|--json",
            b"export|runs/latest|--format|csv|--out|x.csv",
            b"diagnose|--pid|1|--seconds|2",
            b"--version",
        ),
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz(name: str) -> None:
    meaning_or_refusal(TARGETS[name])


@given(st.text())
@settings(max_examples=EXAMPLES)
def test_fuzz_plain_text(given: str) -> None:
    shown = plain_line(given)
    assert plain_line(shown) == shown
    shown.encode("utf-8")
    assert not any(ord(each) < 0x20 and each != "\t" for each in shown)


def test_the_seeds_are_read(tmp_path: Path) -> None:
    """Mutations begin at inputs that are right; else nothing behind the first check is reached."""
    for name in ("config", "yaml", "list", "override", "cards", "call", "bucket_methods", "range"):
        good = 0
        for seed in TARGETS[name].seeds:
            with contextlib.suppress(CfrShmError):
                TARGETS[name].read(seed)
                good += 1
        assert good > 0, name
    for name in ("checkpoint_manifest", "checkpoint_rows", "manifest"):
        TARGETS[name].read(TARGETS[name].seeds[0])
