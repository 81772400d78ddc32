"""Reports of a solved spot: per hand, by next card, over flops."""

import csv
import json
import os
import sys

import numpy as np
import pytest
from spot_cases import fast_spot, small_turn

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cli.main import main
from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME, EXIT_USAGE, UsageError
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.run.solve_flops import read_flops, rows_done
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_reports import every_flop, listed_boards, next_cards
from cfr_shm.spots.spot_results import action_totals, node_report

ITERATIONS = 3 if JIT_DISABLED else 60


@pytest.fixture(scope="module")
def solver():
    with SpotSolver(small_turn(), SolverSettings()) as solver:
        solver.iterate(ITERATIONS)
        yield solver


def test_both_players_evs_add_up_to_the_pot(solver):
    quality = solver.quality()
    root = node_report(solver)
    assert root.mean(root.ev) + root.other_ev == pytest.approx(100.0, abs=1e-2)
    assert root.mean(root.ev) == pytest.approx(quality.values[0], abs=quality.exploitability + 0.1)
    answer = node_report(solver, "b50")
    assert answer.mean(answer.ev) + answer.other_ev == pytest.approx(150.0, abs=1e-2)
    assert answer.action_ev[0] == pytest.approx(0.0, abs=1e-3)


def test_a_hands_ev_is_that_of_its_actions_weighted(solver):
    for line in ("", "x", "b50", "x-b50"):
        report = node_report(solver, line)
        weighted = (report.frequency * report.action_ev).sum(axis=0)
        np.testing.assert_allclose(weighted, report.ev, atol=1e-3)
        assert sum(each["frequency"] for each in action_totals(report)) == pytest.approx(1.0)
        assert np.nanmin(report.equity) >= 0.0
        assert np.nanmax(report.equity) <= 1.0


def test_the_next_cards_means_make_up_the_mean_before(solver):
    """EVs after x-x, each card as likely as the deals that it leaves."""
    rows = next_cards(solver, "x-x")
    assert len(rows) == 16
    game, total, mean = solver.game, 0.0, 0.0
    for row in rows:
        report = node_report(solver, "x-x/", game.hands.deck.parse(row["card"]))
        deals = float(report.often.sum())
        total += deals
        mean += deals * row["ev_oop"]
        assert row["ev_oop"] + row["ev_ip"] == pytest.approx(100.0, abs=1e-2)
        assert row["check_frequency"] + row["bet50_frequency"] == pytest.approx(1.0)
    checked = node_report(solver, "x")
    ips_check = float(checked.often * checked.frequency[0] @ checked.action_ev[0])
    ips_mean = ips_check / float((checked.often * checked.frequency[0]).sum())
    assert mean / total == pytest.approx(100.0 - ips_mean, abs=0.05)


@pytest.mark.skipif(JIT_DISABLED, reason="minutes as plain Python")
@pytest.mark.thorough
def test_published_hands():
    with SpotSolver(fast_spot("QsJh2h7c3d"), SolverSettings()) as solver:
        solver.iterate(300)
        report = node_report(solver)
        assert report.mean(report.ev) == pytest.approx(100.539, abs=0.1)
        assert report.mean(report.equity) == pytest.approx(0.56872, abs=1e-4)
        answers = {
            each["action"]: each["frequency"] for each in action_totals(node_report(solver, "b126"))
        }
        assert answers == pytest.approx({"fold": 0.465, "call": 0.424, "raise": 0.111}, abs=0.02)


def test_all_flops_with_their_numbers():
    flops = every_flop(STANDARD)
    assert len(flops) == 1755
    assert sum(flop.weight for flop in flops) == 22100


@pytest.mark.parametrize("line", ["Ks7h", "Ks7h2d x", "Ks7h2d 0", "Ks7hKs", "Ks7h2d 1 2"])
def test_a_line_that_is_no_flop_is_refused_with_its_place(line):
    with pytest.raises(UsageError, match=r"list:2"):
        listed_boards(STANDARD, ["# flops", line], "list")


@pytest.mark.skipif(JIT_DISABLED, reason="minutes as plain Python")
def test_a_list_of_flops_is_solved_and_gone_on_with(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flops = tmp_path / "flops.txt"
    flops.write_text("2s2h2d\n# once more\n")
    flags = ["--oop", "AA", "--ip", "KK,QQ", "--pot", "100", "--stack", "50", "--bets", "a"]
    command = ["solve", *flags, "--flops", str(flops), "--iters", "20", "--logdir", "run", "--json"]
    assert main(command) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["flops"] == 1
    flops.write_text("2s2h2d\nKs7h2d 3\n")
    assert main(["solve", *flags[:4], "--flops", str(flops)]) == EXIT_USAGE
    assert "spot.pot" in capsys.readouterr().err
    assert main(["solve", "run", "--flops", str(flops), "--json"]) == EXIT_OK
    found = json.loads(capsys.readouterr().out)
    with (tmp_path / "run" / "flops.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["flop"] for row in rows] == ["2s2h2d", "Ks7h2d"]
    expected = (float(rows[0]["ev_oop"]) + 3 * float(rows[1]["ev_oop"])) / 4
    assert found["mean"]["ev_oop"] == pytest.approx(expected)


@pytest.mark.skipif(JIT_DISABLED, reason="minutes as plain Python")
def test_a_flop_that_cannot_be_solved_is_told_of_and_the_others_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flops.txt").write_text("AsAhAd\nKs7h2d 3\n2s2h2d\n")
    flags = ["--oop", "AA", "--ip", "KK,QQ", "--pot", "100", "--stack", "50", "--bets", "a"]
    command = ["solve", *flags, "--flops", "flops.txt", "--iters", "20", "--logdir", "run"]
    assert main(command) == EXIT_RUNTIME
    out, err = capsys.readouterr()
    assert "1/3 AsAhAd is left out: spot.oop: the board AsAhAd leaves no hand of the range" in err
    assert "AsAhAd is left out" in out
    assert "2 of 3 flops are solved" in out
    table = out.splitlines()[:4]
    assert table[0].split()[:3] == ["flop", "weight", "exploit."]
    assert [line.split()[0] for line in table[1:]] == ["2s2h2d", "Ks7h2d", "mean"]
    assert main(["solve", "run", "--flops", "flops.txt", "--json"]) == EXIT_RUNTIME
    found = json.loads(capsys.readouterr().out)
    assert [each["flop"] for each in found["failed"]] == ["AsAhAd"]
    assert found["flops"] == 2
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    measured = [line for line in told if line["kind"] == "evaluation"]
    assert [line["iterations"] for line in measured] == [20, 40]
    # Where nothing can be solved, there is nothing to show.
    (tmp_path / "none.txt").write_text("AsAhAd\n")
    assert main(["solve", *flags, "--flops", "none.txt", "--logdir", "none"]) == EXIT_USAGE


ROWS = "flop,weight,exploitability_percent,ev_oop,ev_ip,check\n2s2h2d,1.0,0.2,12.5,7.5,0.4\n"


@pytest.mark.parametrize(
    "row", ["Ks7h2d,x,1,1,1,1", "Ks7h2d,1,1,1,inf,1", "Ks7h2d,0,1,1,1,1", "Ks7h2d,1", "\0,1,1,1,,1"]
)
def test_rows_of_flops_that_make_no_sense_are_solved_anew(tmp_path, row):
    path = tmp_path / "flops.csv"
    path.write_text(f"{ROWS}{row}\n3s3h3d,1,1,1,1,1\n4s4h4d,1.0,0.2,12.5,7.5,0")
    assert list(rows_done(path)) == ["2s2h2d", "3s3h3d"], "the last one was cut short"


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "\n\n", f'{ROWS}"{"x" * 200_000}",1,1,1,1,1\n'])
def test_a_file_of_other_columns_is_no_list_of_flops(tmp_path, content):
    path = tmp_path / "flops.csv"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"flops\.csv"):
        rows_done(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs")
def test_lists_of_flops_are_regular_files(tmp_path):
    os.mkfifo(tmp_path / "flops.csv")
    with pytest.raises(UsageError, match="a FIFO, expected a regular file"):
        rows_done(tmp_path / "flops.csv")
    with pytest.raises(UsageError, match="a FIFO, expected a regular file"):
        read_flops(str(tmp_path / "flops.csv"))
