"""What nobody would write on purpose: one clear line, the code for wrong usage, nothing written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cfr_shm.cli import main as cli
from cfr_shm.errors import GameError
from cfr_shm.games.imported.user_game import file_digest

posix = pytest.mark.skipif(sys.platform == "win32", reason="users and FIFOs")

ESTIMATE = ["estimate", "-c"]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert cli.main(list(arguments)) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    *before, error = said.splitlines()
    assert error.startswith("cfr-shm: error: ")
    assert all("compiling" in line for line in before)  # once, where nothing is in the cache
    return error


@pytest.mark.parametrize(
    "text",
    [
        '"\\UFFFFFFFF": 1',
        'run: {logdir: "\\UFFFFFFFF"}',
        'run: {logdir: "\\uD800"}',
        'run: {logdir: "a\\0b"}',
        'run:\n  logdir: "\\uDFFF"',
        'game: {name: "\\0"}',
        f"%YAML {'9' * 5000}.1\n---\nrun: {{seed: 1}}",
        f"%YAML 1.{'9' * 5000}\n---\nrun: {{seed: 1}}",
        "%YAML 99999999999999999999999.1\n---\nrun: {seed: 1}",
        "run: {seed: " + "9" * 100_000 + "}",
        "run: {seed: 1e9999}",
        "run: {seed: 0." + "0" * 100_000 + "1}",
        "run: {time_budget: 1e9999}",
        "game: {stacks: " + "[" * 100_000,
        "? " * 100_000,
        "- " * 100_000,
        "{" * 100_000,
        "&" + "a" * 5000 + " 1",
        "!!python/object/apply:os.system [true]",
        "run: {seed: !!int 1}",
        "\x00",
        "\x85",
    ],
)
def test_configs(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    assert str(path) in refusal(capsys, *ESTIMATE, str(path))


@pytest.mark.parametrize(
    "value",
    ['game.stacks=["\\UFFFFFFFF"]', "game.stacks=[%YAML]", "game.stacks=[\udc80", "a.b=\ud800"],
)
def test_settings(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    refusal(capsys, "estimate", "-c", "hu_small", "--set", value)


@pytest.mark.parametrize(
    "call",
    [
        "f(**{{}})",
        "f(**{})",
        "f(**{'a': 1})",
        "f(a={[]: 1})",
        "f(a={{}})",
        "f(a=1, a=2)",
        "f(a=" + "-" * 20_000 + "1)",
        "f(a=" + "(" * 20_000 + ")" * 20_000 + ")",
        "f(a=" + "9" * 5000 + ")",
        "f(a=1e999**2)",
        "f(a=[1]*3)",
        "f(a=f())",
        "f(*[1])",
        "f(1)",
        "f\0()",
        "",
    ],
)
def test_games_of_ones_own(call: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    game = tmp_path / "g.py"
    game.write_text("raise SystemError('was run')")
    error = refusal(capsys, "estimate", "--set", f"game.name={game}:{call}")
    assert "was run" not in error


@posix
def test_paths_of_users_that_there_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refusal(capsys, "train", "--game", "~nosuch/x.py:f", "--logdir", str(tmp_path / "r"))
    assert "there is no user of the name in ~nosuch" in error
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x\ud83d"])
@pytest.mark.parametrize(
    "command",
    [
        ["train", "--logdir"],
        ["train", "-c"],
        ["train", "--buckets"],
        ["train", "--resume-from"],
        ["resume"],
        ["eval"],
        ["export", "runs", "--format", "csv", "--out"],
        ["compare"],
        ["diagnose"],
        ["clean"],
        ["show"],
        ["buckets", "info"],
    ],
)
def test_arguments_that_no_text_can_hold(
    command: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds what no text can" in refusal(capsys, *command, name)


@posix
def test_a_run_whose_config_is_a_fifo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    for command in ("resume", "eval"):
        assert "is not a run directory" in refusal(capsys, command, str(tmp_path))


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "d/" * 3000 + "x", "a" * 300 + "@7"])
@pytest.mark.parametrize(
    "command",
    [
        ["resume"],
        ["eval"],
        ["compare"],
        ["diagnose"],
        ["clean"],
        ["show"],
        ["train", "-c"],
        ["train", "--logdir"],
        ["export", "runs", "--format", "csv", "--out"],
    ],
)
def test_names_that_are_too_long(
    command: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal(capsys, *command, name)


def test_a_game_file_and_buckets_of_names_that_are_too_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "x" * 300
    refusal(capsys, "estimate", "--set", f"game.name={name}.py:f")
    refusal(capsys, "estimate", "-c", "hu_small", "--set", f"abstraction.buckets={name}")


@pytest.mark.parametrize("count", ["9" * 17, "9" * 5000, "1" + "_" * 5000 + "0" * 20])
def test_a_checkpoint_of_more_iterations_than_there_are(
    count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no such run directory" in refusal(capsys, "eval", f"runs@{count}")


@posix
@pytest.mark.parametrize("user", ["~nosuch", "~\0"])
def test_a_program_that_names_a_user_that_there_is_not(user: str) -> None:
    with pytest.raises(GameError, match="there is no user of the name in ~"):
        file_digest(f"{user}/g.py:f")
