"""``cfr-shm buckets``: what it prints, and one line for everything that is wrong."""

import json

import pytest

from cfr_shm.cli import buckets as command
from cfr_shm.cli.parser import Parser
from cfr_shm.errors import UsageError
from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")


def run(*arguments):
    parser = Parser(prog="cfr-shm buckets")
    command.add_arguments(parser)
    return command.run(parser.parse([str(argument) for argument in arguments]))


SMALL = ("--deck", "royal", "--flop", 8, "--turn", 9, "--river", 10)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "royal"
    assert run("build", *SMALL, "--method", "emd", "--out", path) == 0
    return path


def test_build_reports_progress_on_stderr_and_a_summary_on_stdout(tmp_path, capsys):
    path = tmp_path / "royal"
    assert run("build", *SMALL, "--method", "percentile", "--out", path, "--json") == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert [street["buckets"] for street in summary["streets"]] == [25, 8, 9, 10]
    assert "river: exact strengths: done in" in captured.err
    assert "peak memory" in captured.err


def test_show_prints_sizes_spread_and_samples(file, capsys):
    assert run("show", file) == 0
    out = capsys.readouterr().out
    assert "deck royal, fingerprint" in out
    assert "turn     emd               9       27,290" in out
    assert "flop 7: E[HS]" in out
    assert run("show", file, "--street", "flop") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 8
    assert run("show", file, "--street", "river", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["buckets"]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert all(row["samples"] for row in rows)
    assert run("show", file, "--json") == 0
    assert json.loads(capsys.readouterr().out)["deck"] == "royal"


def test_lookup_answers(file, capsys):
    assert run("lookup", "AhKh", "Qh Jh Th", "--file", file) == 0
    assert capsys.readouterr().out.startswith("flop bucket 7 of 8, E[HS] 0.")
    assert run("lookup", "AhKh", "--file", file, "--json") == 0
    assert json.loads(capsys.readouterr().out)["street"] == "preflop"


@pytest.mark.parametrize(
    ("hole", "board", "words"),
    [
        ("Ah2h", "", "'2h' .* no card of the royal deck"),
        ("AhAh", "", "twice"),
        ("AhKh", "QhJh", "0, 3, 4 or 5 cards, found 2"),
        ("AhKh", "QhJhAh", "'Ah' appears twice"),
        ("Ah", "QhJhTh", "2 hole cards, found 1"),
    ],
)
def test_wrong_cards_are_refused(file, hole, board, words):
    with pytest.raises(UsageError, match=words):
        run("lookup", hole, board, "--file", file)


@pytest.mark.parametrize(("hole", "board"), [("AhAh", ""), ("Ah", ""), ("AhKh", "Qh")])
def test_wrong_cards_are_refused_before_the_default_is_built(hole, board, monkeypatch):
    from cfr_shm.cards import buckets

    monkeypatch.setattr(buckets, "build", lambda *a, **k: pytest.fail("was built"))
    with pytest.raises(UsageError):
        run("lookup", hole, board)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--flop", 0), "--flop 0: expected a whole number from 1 to 65535"),
        (("--river", 70_000), "--river 70000"),
        (("--turn", "many"), "--turn many"),
        (("--method", "kmeans"), "unknown method 'kmeans'"),
        (("--deck", "tarot"), "unknown deck 'tarot'"),
        (("--seed", -1), "--seed -1"),
        (("--workers", 5000), "--workers 5000"),
        (("--method", "lossless"), "lossless does not fit"),
    ],
)
def test_values_out_of_range_are_refused(tmp_path, flags, words):
    with pytest.raises(UsageError, match=words):
        run("build", "--out", tmp_path / "x", *flags)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_never_overwritten(file):
    with pytest.raises(UsageError, match="already exists"):
        run("build", *SMALL, "--out", file)


def test_files_that_are_none_are_refused(tmp_path):
    other = tmp_path / "file"
    other.write_text("something")
    for path, reason in (
        (tmp_path / "none", "no such directory"),
        (other, "not a directory"),
        (tmp_path, "holds no manifest.json"),
    ):
        for words in (("show", path), ("lookup", "AhKh", "--file", path)):
            with pytest.raises(UsageError, match=f"no bucket file: {reason}; .*buckets build"):
                run(*words)
