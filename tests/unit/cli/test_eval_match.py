"""``eval`` and ``match`` by the command line: what they print, and what they refuse."""

from __future__ import annotations

import json

import pytest

from cfr_shm.cli.main import main
from cfr_shm.errors import WorkerError
from cfr_shm.evaluation.play_match import TablePlay

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""

FLOP = """
game: {{name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 5,
       board_cards: [3, 1, 1], board: AsKsQd}}
abstraction: {{flop: [[1]], turn: [[1]], river: [[1]], buckets: {buckets}}}
"""
THREE = ROYAL.replace("name: holdem,", "name: holdem, players: 3,")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A royal run with two checkpoints, and one of another tree."""
    place = tmp_path_factory.mktemp("runs")
    (place / "royal.yaml").write_text(ROYAL)
    (place / "other.yaml").write_text(ROYAL.replace("stacks: 20", "stacks: 24"))
    (place / "sizes.yaml").write_text(ROYAL.replace("river: [[1]]", "river: [[0.4, 2]]"))
    quiet = ["--num-workers", "1", "--set", "run.keep_checkpoints=5"]
    royal, other = str(place / "royal"), str(place / "other")
    sizes = str(place / "sizes")
    for name, run in (("royal", royal), ("other", other), ("sizes", sizes)):
        train = ["train", "-c", str(place / f"{name}.yaml"), "--iters", "4000", "--logdir", run]
        assert main([*train, *quiet]) == 0
    assert main(["resume", royal, "--iters", "40000"]) == 0
    return royal, other, sizes


def told(capsys, *arguments) -> dict:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_eval_measures_hold_em_and_says_how(runs, capsys):
    royal, _, _ = runs
    found = told(capsys, "eval", f"{royal}@4000", "--method", "river", "--boards", "40")
    later = told(capsys, "eval", royal, "--method", "river", "--boards", "40")
    assert found["method"] == "river"
    assert (found["unit"], found["n"], found["exact"]) == ("mbb", 40, False)
    assert found["low"] < found["value"] < found["high"]
    assert found["exploitability"] is None
    assert found["value"] > later["value"]
    assert sum(found["seats"]) / 2 == pytest.approx(found["value"])
    assert main(["eval", royal, "--method", "river", "--boards", "40"]) == 0
    assert "95 % CI" in capsys.readouterr().out


def test_eval_says_where_a_strategy_loses(runs, capsys, tmp_path):
    royal, _, _ = runs
    picture = tmp_path / "where.png"
    told_parts = ["eval", f"{royal}@4000", "--where", "--boards", "4", "--plot", str(picture)]
    found = told(capsys, *told_parts)
    bound = told(capsys, "eval", f"{royal}@4000", "--method", "river", "--boards", "4")
    assert found["gain"]["value"] == pytest.approx(bound["value"], rel=1e-9)
    for parts in found["parts"].values():
        total = sum(part["value"] for part in parts.values())
        assert total == pytest.approx(found["gain"]["value"], rel=1e-9)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(told_parts[:5]) == 0
    said = capsys.readouterr().out
    assert "a best response from the river on gains" in said
    assert found["lines"][0]["line"] in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--where", "--method", "lbr"], "name river, turn, flop"),
        (["--plot", "x.png"], "add --where"),
        (["--where", "--pairs", "9"], "--pairs is for --method lbr"),
        (["--where", "--plot", "nowhere/x.png"], "there is no directory nowhere"),
    ],
)
def test_parts_that_there_are_not_are_refused(runs, capsys, arguments, said):
    assert main(["eval", runs[0], *arguments]) == 2
    assert said in capsys.readouterr().err


def test_eval_by_local_best_response(runs, capsys):
    royal, _, _ = runs
    found = told(capsys, "eval", royal, "--method", "lbr", "--pairs", "50")
    assert (found["method"], found["n"], found["exploitability"]) == ("lbr", 50, None)
    assert found["settings"]["actions"] == "fcpa"
    assert main(["eval", royal, "--method", "lbr", "--boards", "50"]) == 2
    assert "--boards is for --method river or turn or flop" in capsys.readouterr().err


@pytest.mark.thorough
def test_eval_by_a_learned_exploiter(runs, capsys):
    royal, _, _ = runs
    learn = ["--method", "exploiter", "--iters", "20000", "--deals", "5000"]
    found = told(capsys, "eval", f"{royal}@4000", *learn)
    assert (found["method"], found["unit"], found["n"]) == ("exploiter", "mbb", 5000)
    assert found["settings"]["iterations"] == [20000, 20000]
    assert sum(found["seats"]) / 2 == pytest.approx(found["value"])
    assert all(low <= high for low, high in found["seat_intervals"])
    nothing = told(capsys, "eval", royal, *learn[:2], "--iters", "0", "--deals", "100")
    assert (nothing["value"], nothing["low"], nothing["high"]) == (0.0, 0.0, 0.0)
    assert main(["eval", royal, "--iters", "10"]) == 2
    assert "--iters is for --method exploiter" in capsys.readouterr().err
    for wrong in ("0", "-1", "nan", "soon"):
        assert main(["eval", royal, *learn[:2], "--time-budget", wrong]) == 2
        assert "no number of seconds above 0" in capsys.readouterr().err


@pytest.mark.thorough
def test_three_players_are_told_what_each_seat_gains(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cfr_shm.evaluation.measure.DEFAULT_LEARNING_SECONDS", 0.3)
    monkeypatch.setattr("cfr_shm.evaluation.measure.DEFAULT_DEALS", 4000)
    (tmp_path / "three.yaml").write_text(THREE)
    run = str(tmp_path / "run")
    assert (
        main(["train", "-c", str(tmp_path / "three.yaml"), "--iters", "500", "--logdir", run]) == 0
    )
    found = told(capsys, "eval", run)
    assert (found["method"], found["exact"], found["exploitability"]) == ("exploiter", False, None)
    assert len(found["seats"]) == len(found["seat_intervals"]) == 3
    assert main(["eval", run]) == 0
    out = capsys.readouterr().out
    assert [f"seat {seat} alone: " in out for seat in range(4)] == [True, True, True, False]


def test_exact_answers_that_take_hours_are_kept_and_gone_on_with(tmp_path, capsys, monkeypatch):
    """The forecast is what a large game's is; the game itself has one flop."""
    from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
    from cfr_shm.cards.buckets import build_file
    from cfr_shm.evaluation import exact_ledger, exact_response

    build_file(BucketSpec("royal", FAMILIES["percentile"], (25, 2, 2, 5)), tmp_path / "royal")
    (tmp_path / "small.yaml").write_text(FLOP.format(buckets=tmp_path / "royal"))
    run = str(tmp_path / "run")
    assert (
        main(["train", "-c", str(tmp_path / "small.yaml"), "--iters", "500", "--logdir", run]) == 0
    )
    once = told(capsys, "eval", run, "--method", "exact")
    monkeypatch.setattr(exact_response, "forecast_seconds", lambda _: 70_000.0)
    monkeypatch.setattr(exact_ledger, "SAVE_SECONDS", 0.0)
    plain, passed = exact_ledger.ExactLedger.passed, []

    def killed(ledger, boards, total):
        plain(ledger, boards, total)
        passed.append(boards)
        if len(passed) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(exact_ledger.ExactLedger, "passed", killed)
    assert main(["eval", run, "--method", "exact"]) == 130
    err = capsys.readouterr().err
    assert "about 19.4 hours on one core" in err
    assert "the same command goes on with it when killed" in err
    again = told(capsys, "eval", run, "--method", "exact")
    assert passed[5] == passed[4] + 1
    for key in ("value", "seats", "values", "best_response_values", "nash_conv"):
        assert again[key] == once[key]
    assert not (tmp_path / "run" / "exact" / "500").exists()


def test_small_games_keep_their_keys_and_get_more(tmp_path, capsys):
    run = str(tmp_path / "kuhn")
    assert main(["train", "-c", "kuhn", "--iters", "2000", "--logdir", run]) == 0
    found = told(capsys, "eval", run)
    assert found["exploitability"]["method"] == "exact best response"
    assert found["value"] == found["low"] == found["high"] == found["exploitability"]["value"]
    assert found["exact"] is True
    assert main(["eval", run, "--method", "lbr"]) == 2
    assert "nothing says what folds" in capsys.readouterr().err
    learned = told(capsys, "eval", run, "--method", "exploiter", "--iters", "4000")
    assert 0.0 <= learned["value"] < 2.0 * found["value"] + 0.1
    assert main(["eval", run, "--method", "river"]) == 2
    assert "leave the method out" in capsys.readouterr().err


def test_local_best_response_where_all_deals_are_listed(tmp_path, capsys):
    run = str(tmp_path / "leduc")
    assert main(["train", "-c", "leduc", "--iters", "500", "--logdir", run]) == 0
    exact = told(capsys, "eval", run)
    found = told(capsys, "eval", run, "--method", "lbr", "--actions", "tree")
    assert (found["method"], found["exact"], found["n"]) == ("lbr", False, 0)
    assert found["low"] == found["value"] == found["high"] <= exact["value"]
    assert main(["eval", run, "--method", "lbr"]) == 0
    assert "local best response wins" in capsys.readouterr().out
    assert main(["eval", run, "--method", "lbr", "--pairs", "9"]) == 2
    assert "none is drawn" in capsys.readouterr().err


def test_a_match_of_checkpoints(runs, capsys):
    royal, _, _ = runs
    early, late = f"{royal}@4000", f"{royal}@40000"
    same = told(capsys, "match", early, early, "--boards", "10")
    assert (same["value"], same["low"], same["high"]) == (0.0, 0.0, 0.0)
    one = told(capsys, "match", late, early, "--boards", "60")
    two = told(capsys, "match", early, late, "--boards", "60")
    assert one["value"] == -two["value"]
    assert one["low"] == -two["high"]
    assert one["value"] > 0
    assert (one["unit"], one["deals"], one["seatings"], one["method"]) == (
        "bb/100",
        60,
        2,
        "ranges",
    )
    assert one["names"] == ["royal@40000", "royal@4000"]
    table = told(capsys, "match", late, early, late, "--boards", "4")
    assert [pair["names"] for pair in table["pairs"]] == [
        ["royal@40000", "royal@4000"],
        ["royal@40000", "royal@40000"],
        ["royal@4000", "royal@40000"],
    ]


def test_a_match_until_enough_is_known(runs, capsys):
    royal, _, _ = runs
    found = told(capsys, "match", royal, f"{royal}@4000", "--until", "+-400mbb")
    assert (found["high"] - found["low"]) / 2 * 10 <= 400
    assert found["deals"] % 50 == 0


def test_strategies_that_cannot_meet_are_refused(runs, capsys):
    royal, other, _ = runs
    assert main(["match", royal]) == 2
    assert "name two runs" in capsys.readouterr().err
    assert main(["match", royal, other]) == 2
    assert "different games, so their hands cannot meet: stacks of" in capsys.readouterr().err
    assert main(["match", royal, f"{royal}@7"]) == 2
    assert (
        "no checkpoint of so many iterations is kept; there are 4000, " in capsys.readouterr().err
    )
    assert main(["match", royal, royal, "--until", "soon"]) == 2
    assert "no half-width in mbb" in capsys.readouterr().err


def test_a_match_by_play_where_sizes_differ(runs, capsys):
    royal, _, sizes = runs
    one = told(capsys, "match", royal, sizes, "--deals", "2000")
    two = told(capsys, "match", sizes, royal, "--deals", "2000")
    assert (one["method"], one["deals"], one["seatings"], one["stopped"]) == ("play", 2000, 2, None)
    assert (one["value"], one["low"]) == (-two["value"], -two["high"])
    raw = told(capsys, "match", royal, sizes, "--deals", "2000", "--raw")
    assert (one["corrected"], raw["corrected"]) == (True, False)
    assert one["high"] - one["low"] < 0.7 * (raw["high"] - raw["low"])
    assert raw["low"] < one["high"]
    assert one["low"] < raw["high"]
    same = told(capsys, "match", royal, royal, "--method", "play", "--deals", "300")
    assert (same["value"], same["low"], same["high"]) == (0.0, 0.0, 0.0)
    until = told(capsys, "match", royal, sizes, "--until", "400")
    assert (until["high"] - until["low"]) / 2 * 10 <= 400
    assert main(["match", royal, sizes, "--method", "ranges"]) == 2
    assert "no common betting tree" in capsys.readouterr().err
    assert main(["match", royal, sizes, "--boards", "5"]) == 2
    assert (
        "--boards is for --method ranges, but these strategies meet by play"
        in capsys.readouterr().err
    )


def test_what_was_played_is_told_where_something_ends_it(runs, capsys, monkeypatch):
    royal, _, sizes = runs
    whole = told(capsys, "match", royal, sizes, "--deals", "768")
    ends = {"error": WorkerError("the other side is gone"), "signal": KeyboardInterrupt()}
    for code, (name, error) in zip((1, 130), ends.items(), strict=True):
        samples = TablePlay.samples

        def some(self, first, count, samples=samples, error=error):
            if first >= 512:
                raise error
            return samples(self, first, count)

        with monkeypatch.context() as patched:
            patched.setattr(TablePlay, "samples", some)
            capsys.readouterr()
            match = ["match", royal, sizes, royal, "--deals", "768", "--json", "--num-workers", "1"]
            assert main(match) == code
        out, err = capsys.readouterr()
        found = json.loads(out)
        assert found["deals"] == 512
        assert len(found["pairs"]) == 1
        assert found["low"] < whole["value"] < found["high"]
        assert found["stopped"] == ("interrupted" if name == "signal" else str(error))
        assert found["stopped"] in err
