"""What reaches a terminal: no control character, in any encoding; no formula reaches a table."""

from __future__ import annotations

import csv
import errno
import io
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest

from cfr_shm.cli import main as cli
from cfr_shm.cli import session
from cfr_shm.cli.output import Output, outputs
from cfr_shm.cli.play import _typed as typed
from cfr_shm.cli.remedies import limit_remedy
from cfr_shm.errors import ArrayStoreError, UsageError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.export import export_csv
from cfr_shm.telemetry import events
from cfr_shm.telemetry.live import LiveDisplay
from cfr_shm.telemetry.plain_text import plain, plain_line
from cfr_shm.telemetry.progress import Display, LogFile, describe

#: Clears the screen; sets a title; rings; C1; turns the line around; hides; ends a line; half.
EVIL = "a\x1b[2J\x1b]0;t\x07\x9b31m\x7f\x00\r\b\u202eb\u2066\u200b\u2028\ufeff\ud800\U000e0041z"


def is_fit(text: str, *, lines: bool = False) -> bool:
    allowed = "\n\t" if lines else "\t"
    return all(
        character.isprintable() or character == " " or character in allowed for character in text
    )


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0xD800, 0xDFFF, 0x2028])
def test_row_33_a_control_character_is_shown_not_sent(code: int) -> None:
    shown = plain_line(f"<{chr(code)}>")
    if code == 0x09:
        assert shown == "<\t>"
    else:
        expected = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
        assert shown == f"<{expected}>"
        assert plain(f"<{chr(code)}>") == ("<\n>" if code == 0x0A else shown)


def test_what_is_no_control_character_stays() -> None:
    text = "Zürich ♠A♥K 日本 é 👩 ≥ \u00a0~"
    assert plain(text) == plain_line(text) == text


def all_events() -> list[events.Event]:
    line = "x\n" + EVIL
    started = events.RunStarted(line, line, 2, False, 1 << 20, 0, 100, None)
    ended = events.RunEnded(
        "interrupted", line, line, 9, 1.0, 9.0, 9.0, 2, 0.1, 0.1, line, line, line, 1, 1, 1, 0.1
    )
    return [
        events.GameImporting(line),
        events.KernelsCompiling(line),
        started,
        events.CheckpointSaved(line, 9, 0.1),
        events.CheckpointFailed(line, 9),
        events.Evaluated(9, 1.0, 0.1, 0.2, line, line),
        events.Noted(line),
        events.Warned(line),
        ended,
        events.RunFailed(line),
    ]


def test_row_33_every_event_is_told_in_plain_words(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log.txt", "debug")
    for event in all_events():
        assert is_fit(describe(event)[1], lines=True), event
        log(event)
    log.close()
    assert is_fit((tmp_path / "log.txt").read_text(), lines=True)
    stamped = (tmp_path / "log.txt").read_text().splitlines()
    assert all(line.split()[1] in ("debug", "info", "warning", "error") for line in stamped)


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_row_33_displays_draw_only_what_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    from rich.console import Console

    monkeypatch.setenv("NO_COLOR", "1")
    screen, live = Screen(), Screen()
    displays = [
        Display(screen, "debug"),
        LiveDisplay(live, "debug", console=Console(file=live, force_terminal=True, width=500)),
    ]
    progress = events.Progress(
        True, 9, 9, 1.0, 9.0, 9.0, 0.1, 2, (0.9, 0.9), 1.0, 0.1, 0.1, 3, 4, batch_iterations=(5, 5)
    )
    for display in displays:
        for event in all_events():
            display(event)
            display(progress)
        display(replace(all_events()[2], game="[red]kuhn[/nothing]"))
        display(progress)
        display.close()
    for drawn in (screen, live):
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", drawn.getvalue())
        assert is_fit(text, lines=True)
        assert "\\x1b[2J" in text, "shown"
        assert "\x1b[2J" not in drawn.getvalue()


def test_row_33_everything_that_is_printed_passes_the_border(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with outputs():
        sys.stdout.write(EVIL + "\n")
        sys.stderr.writelines([EVIL, "\n"])
        session.print_lines([EVIL, "a\nb"])
        session.say(EVIL)
        session.warn("a\nb" + EVIL)
        session.print_json({EVIL.replace("\ud800", ""): EVIL})
    said = capsys.readouterr()
    assert is_fit(said.out, lines=True)
    assert is_fit(said.err, lines=True)
    assert "a\\x0ab\n" in said.out
    assert len(said.err.splitlines()) == 3
    document = json.loads(said.out[said.out.index("{") :])
    assert list(document.values()) == [EVIL]


@pytest.mark.parametrize(
    "command",
    [["resume"], ["eval"], ["diagnose"], ["compare"], ["train", "-c"], ["train", "--set"], []],
)
def test_row_33_errors_show_what_they_name(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command, "x\x1b[31m\n\x07"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert is_fit(error, lines=True)


def test_row_33_records_and_configs_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = {"kind": "evaluation", "iterations": 9, "seconds": 1.0, "exploitability": 0.1}
    lines = [{**evaluation, "unit": EVIL}, {**evaluation, "iterations": 10, "unit": EVIL}]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "summary.json").write_text(json.dumps({"game": EVIL}))
    other = tmp_path / "other"
    shutil.copytree(tmp_path, other)
    (other / "summary.json").write_text(json.dumps({"game": "kuhn"}))
    assert cli.main(["compare", str(tmp_path), str(other)]) == 0
    said = capsys.readouterr()
    assert is_fit(said.out + said.err, lines=True)
    assert "\\x1b[2J" in said.err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16", "koi8-r"])
def test_row_33_any_encoding_takes_any_text(encoding: str) -> None:
    raw = io.BytesIO()
    out = Output(io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    out.write("♠ Zürich \udc80 日本")
    out.flush()
    said = raw.getvalue().decode(encoding)
    assert "rich" in said
    if encoding == "ascii":
        assert said == "\\u2660 Z\\xfcrich \\udc80 \\u65e5\\u672c"
    drawn = out.drawing.write("♠\x1b[1m")
    assert drawn > 0


def test_a_stream_remembers_that_it_failed() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    out = Output(Full())
    with pytest.raises(OSError, match="No space"):
        out.write("x")
    assert out.failure is not None


FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", " =1", "\r=1", "=cmd|' /C calc'!A0", "\uff1d1"]


@pytest.mark.parametrize("start", [*FORMULAS, "=1\r=2", "=1\n=2"])
def test_row_33_no_cell_of_a_csv_file_is_a_formula(start: str, tmp_path: Path) -> None:
    game = kuhn()
    labels = [each._replace(name=start + each.name) for each in game.infosets()]
    named = replace(game, infosets=lambda: iter(labels))
    count = game.table_entries
    strategy = Strategy(np.full(count, 0.5), np.ones(count))
    export_csv(named, strategy, tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        names = [row[0] for row in csv.reader(file)][1:]
    assert names
    assert len(names) == 24
    assert all(name.startswith("'" + plain(start)) for name in names)


def wrapped(code: int) -> Exception:
    try:
        try:
            raise OSError(code, "no")
        except OSError as error:
            raise ArrayStoreError("cannot be saved") from error
    except ArrayStoreError:
        try:
            raise UsageError("cannot write")
        except UsageError as error:
            return error


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EMFILE, "open files; raise it by 'ulimit -n', or use fewer workers"),
        (errno.ENFILE, "open files; raise it by 'ulimit -n', or use fewer workers"),
        (errno.EFBIG, "bytes in a file; raise it by 'ulimit -f'"),
        (errno.ENOSPC, ""),
    ],
)
def test_a_limit_is_named_with_its_remedy_however_deep_it_lies(code: int, said: str) -> None:
    found = limit_remedy(wrapped(code))
    assert found.endswith(said)
    assert bool(found) == bool(said)


def test_the_streams_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    before: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
    cli.main(["nonsense"])
    assert (sys.stdout, sys.stderr) == before


def test_stdin_that_is_missing_is_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with outputs():
        assert typed("your move: ") is None


def test_stdin_may_be_of_any_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    typed_bytes = io.TextIOWrapper(io.BytesIO(b"\xff\xfe c\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", typed_bytes)
    with outputs():
        assert typed("your move: ") == "\\xff\\xfe c\n"


def test_a_line_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("c" * 20_000))
    with pytest.raises(UsageError, match="more than 10,000 characters"):
        typed("your move: ")
