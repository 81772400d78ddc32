"""Files that somebody else may have written: what is no regular file, no JSON, no number."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from cfr_shm.errors import UsageError
from cfr_shm.storage.disk import NotRegularError
from cfr_shm.storage.documents import (
    DEEPEST,
    LINE_BYTES_MAX,
    Count,
    DocumentError,
    ListOf,
    Number,
    Text,
    parse_document,
    read_document,
    read_lines,
    record,
)
from cfr_shm.storage.files import TooLargeError, read_bytes
from cfr_shm.telemetry.comparison import read_curve
from cfr_shm.telemetry.metrics_lines import INTERVAL, PROCESSES
from cfr_shm.telemetry.recorded import diagnose_run

posix = pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and devices")


def lay(what: str, path: Path) -> None:
    """Put something at ``path`` that blocks, floods or fails whoever opens it as a file."""
    if what == "fifo":
        os.mkfifo(path)
    elif what == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path.name)
        os.chdir(here)
    elif what == "directory":
        path.mkdir()
    else:
        path.symlink_to(what)


HOSTILE = ["fifo", "socket", "directory", "/dev/zero", "/dev/tty", "/dev/stdin"]


@posix
@pytest.mark.parametrize("what", HOSTILE)
def test_row_32_only_regular_files_are_read(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, too: none of these would ever end."""
    path = tmp_path / "file"
    lay(what, path)
    if what == "/dev/stdin" and Path(what).is_file():
        pytest.skip("standard input is a file here")
    with pytest.raises((NotRegularError, FileNotFoundError)):
        read_bytes(path, 100)
    (tmp_path / "run").mkdir()
    lay(what, tmp_path / "run" / "metrics.jsonl")
    for read in (read_curve, lambda name: diagnose_run(Path(name))):
        with pytest.raises(UsageError, match=r"metrics.jsonl"):
            read(str(tmp_path / "run"))


def test_row_32_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TooLargeError, match="1099511627776 bytes, at most 100"):
        read_bytes(tmp_path / "file", 100)
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert read_bytes(tmp_path / "file", 100) == b"x" * 100


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000, "a/b\0"])
def test_row_32_names_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="name"):
        read_bytes(tmp_path / name, 100)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nul",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "[-Infinity]",
        "1e999",
        "-1e400",
        "1" * 301,
        "-" + "9" * 5000,
        "[" * 100_000,
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        '{"a":' * 40 + "1" + "}" * 40,
        '["' + '\\"' * 50 + '", ' + "[" * 40 + "]" * 40 + "]",
        '"' + "[" * 40,
        "\udcff",
        "1 2",
    ],
)
def test_row_32_what_is_no_document(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(text.encode("utf-8", "surrogateescape"))
    assert len(str(caught.value)) <= 160


@pytest.mark.parametrize(
    "value",
    [None, 1.5e300, 10**299, "[" * 1000, ["{" * 100] * 100, {"": {"a": [[]]}}, '\\"[', "\ud800"],
)
def test_documents_come_back(value: Any) -> None:
    assert parse_document(json.dumps(value).encode()) == value


def test_kinds_take_what_they_say_and_nothing_else() -> None:
    kinds = {
        Number(): ([0, -1.5, 1e300], [1e301, 10**400, True, "1", None, float("nan")]),
        Number(low=0.0, optional=True): ([0, None], [-1e-9, []]),
        Count(): ([0, 1 << 53], [-1, (1 << 53) + 1, 1.0, True, None]),
        Text(most=3): (["", "abc"], ["abcd", b"abc", 3]),
        ListOf(Count(), least=1, most=2): ([[1], [1, 2]], [[], [1, 2, 3], [None], (1,), "1"]),
        record(a=Count(), b=Text(optional=True)): (
            [{"a": 1}, {"a": 1, "b": None, "c": []}],
            [{}, {"a": "1"}, {"a": 1, "b": 2}, [], None],
        ),
    }
    for kind, (good, bad) in kinds.items():
        assert all(map(kind.fits, good)), kind
        assert not any(map(kind.fits, bad)), kind


def test_lines_that_do_not_fit_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    good = b'{"kind": "a", "n": 1}'
    bad = [
        b"",
        b"{",
        b'{"kind": "a", "n": 1' + b"0" * 400 + b"}",
        b'{"kind": "a", "n": ' + b"[" * 5000 + b"}",
        b'{"kind": "a"}',
        b'{"kind": ["a"], "n": 1}',
        b'{"kind": "b", "n": 1}',
        b'{"kind": "a", "n": 1, "n": 1}',
        b'{"kind": "a", "n": 1, "x": "' + b"x" * LINE_BYTES_MAX + b'"}',
        b"\xff\xfe",
        b"[1]",
    ]
    path.write_bytes(b"\n".join([*bad, good, *bad, good]))
    assert list(read_lines(path, {"a": record(n=Count())})) == [{"kind": "a", "n": 1}] * 2


def test_row_32_records_of_wrong_types_are_passed_over(tmp_path: Path) -> None:
    """Each key of each kind of line in turn holds each of these."""
    wrong = ["", "x", -1, 10**300, [], [[]], {}, True, None, 1e300, -1e300]
    process: dict[str, Any] = dict.fromkeys(
        ["user_fraction", "system_fraction", "voluntary_per_second", "involuntary_per_second"], 0.1
    )
    process |= {"pid": 1, "role": "main", "resident_bytes": 1}
    machine = {"cores": 2, "busy_fraction": 0.5, "system_fraction": 0.1, "stolen_fraction": 0.0}
    frame = {"kind": "processes", "time": 1.0, "seconds": 1.0}
    whole = {**frame, "processes": [process], "machine": machine}
    times = {"seconds": 1.0, "user_cpu_seconds": 1.0, "system_cpu_seconds": 0.1}
    interval = {"kind": "interval", "iterations": 10, "busy_fraction": [1.0], **times}
    evaluation = {"kind": "evaluation", "iterations": 9, "seconds": 1.0, "exploitability": 0.1}
    assert INTERVAL.fits(interval)
    assert PROCESSES.fits(whole)
    lines = [interval, whole, evaluation, {**interval, "nodes": 5}]
    for value in wrong:
        lines += [{**interval, key: value} for key in [*interval, "nodes", "worker_restarts"]]
        lines += [{**evaluation, key: value} for key in [*evaluation, "nodes", "unit"]]
        lines += [{**whole, key: value} for key in whole]
        lines += [{**whole, "machine": {**machine, key: value}} for key in machine]
        lines += [{**whole, "processes": [{**process, key: value}]} for key in process]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "summary.json").write_text('{"game": ["x"]}')
    assert read_curve(str(tmp_path)).game == "unknown"
    assert diagnose_run(tmp_path).subject == f"run {tmp_path}"


@posix
def test_a_summary_that_is_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "summary.json")
    with pytest.raises(NotRegularError):
        read_document(tmp_path / "summary.json", 100)
