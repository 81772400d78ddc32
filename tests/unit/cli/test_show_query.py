"""``show`` and ``query``: what they print, write and refuse, on a table made by hand."""

from __future__ import annotations

import functools
import json
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from betting_trees import all_in, pot_sizes, tree_of

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.cli import session
from cfr_shm.cli.main import main
from cfr_shm.config.sections import Config
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.tables import table_of

PREFLOP, LATER = 169, 11


class ClassCards:
    """Preflop a bucket for each class, later few buckets that mix them."""

    deck = STANDARD
    fixed_board = ()

    @property
    def dealt(self):
        return tuple(range(self.deck.card_count))

    def board_count(self, street):
        return (0, 3, 4, 5)[street]

    def bucket_count(self, seat, street):
        return LATER if street else PREFLOP

    def hands(self, seat):
        pairs = hand_pairs(STANDARD).astype(np.uint8)
        return pairs, np.ones(len(pairs))

    def buckets(self, seat, street, hands, board):
        rank = hands.astype(np.int64) // 4
        low, high = rank.min(axis=1), rank.max(axis=1)
        suited = hands[:, 0] % 4 == hands[:, 1] % 4
        number = np.where(suited & (low != high), 13 * low + high, 13 * high + low)
        return number if street == 0 else (number + sum(board)) % LATER


def menu(hand):
    if hand.street > 0:
        return pot_sizes(hand, 0.5) if hand.raises == 0 else []
    return [*([500], pot_sizes(hand, 1.0), [])[min(hand.raises, 2)], all_in(hand)]


@functools.cache
def stored():
    """Return a run whose rows hold 1, 2, 3, ... visits by action, except those of 72o: none."""
    rules = {"players": 2, "blinds": [100, 200], "stacks": 20_000, "streets": 2}
    tree = tree_of(menu, (PREFLOP, LATER), **rules)
    table = table_of(np.zeros(table_words(tree.built.table_entries)))
    nodes = tree.built.tree.nodes
    for record in nodes[nodes["kind"] == 0]:
        count, stride = int(record["count"]), int(record["row_stride"])
        for bucket in range(LATER if record["street"] else PREFLOP):
            if record["street"] or bucket != 13 * 5 + 0:
                row = int(record["row_base"]) + bucket * stride
                table.sums_of(row, count)[:] = np.arange(1, count + 1) + bucket
    game = SimpleNamespace(
        name="made", player_count=2, betting=tree, big_blind=200.0, hole_cards=ClassCards()
    )
    checkpoint = SimpleNamespace(path=Path("runs/made/checkpoints/7"), iterations=7, seconds=1.5)
    return session.StoredTable(Config(), game, checkpoint, table)


@pytest.fixture
def call(capsys, monkeypatch):
    monkeypatch.setattr(session, "load_table", lambda directory: stored())
    monkeypatch.setenv("COLUMNS", "80")

    def called(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return called


def row_of(line_node, bucket):
    record = stored().game.betting.built.tree.nodes[line_node]
    row = int(record["row_base"]) + bucket * int(record["row_stride"])
    return stored().table.sums_of(row, int(record["count"]))


# --- show ---------------------------------------------------------------------------------


def test_show_draws_the_root(call):
    code, out, err = call("show", "run")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "game: made, 2 players"
    assert lines[2] == "iterations: 7 in 1.5 s of training"
    assert "line: (start of the hand)" in lines
    assert "SB to act preflop: pot 300, 100 to call, 19,900 behind" in lines
    grid = lines.index("") + 1
    assert lines[grid].split()[:3] == ["AA", "AKs", "AQs"]
    assert len(lines[grid]) <= 77
    assert "\x1b" not in out
    assert any(line.startswith(" F   f       fold") for line in lines)
    assert "? never visited in training" in out


def test_show_tells_how_the_line_was_read(call):
    _, out, _ = call("show", "run", "--line", "b3bb r12bb c", "--board", "7c 8c 9d")
    assert "line: b2.5bb r7.5bb c /" in out
    assert "SB raises to 600 (3bb), BB raises to 2,400 (12bb), SB calls 1,800" in out
    assert "b3bb is not in the tree: 1 pot stands for b2.5bb (0.75 pot) with 87.1%" in out
    assert "and a (49.5 pot) with 12.9% (pseudo-harmonic mapping); read as b2.5bb" in out
    assert "BB to act on the flop 7c 8c 9d: pot 4,800, nothing to call, 17,600 behind" in out


def test_show_as_json_holds_the_rows(call):
    code, out, _ = call("show", "run", "--line", "b2.5bb", "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["line"], document["position"], document["pot"]) == ("b2.5bb", "BB", 700)
    assert [action["token"] for action in document["actions"]] == ["f", "c", "r7.5bb", "a"]
    node = int(stored().game.betting.built.tree.nodes[0]["first_child"]) + 2
    cells = {cell["name"]: cell for cell in document["classes"]}
    assert len(cells) == 169
    for name, bucket in (("AA", 13 * 12 + 12), ("AKs", 13 * 11 + 12), ("AKo", 13 * 12 + 11)):
        sums = row_of(node, bucket)
        assert cells[name]["probability"] == pytest.approx((sums / sums.sum()).tolist())
        assert cells[name]["visits"] == pytest.approx(sums.sum())
    assert cells["72o"]["probability"] is None
    assert cells["72o"]["visits"] == 0
    # What the small blind raises with: the third entry of each class's row at the root.
    shares = document["ranges"]
    assert [each["position"] for each in shares] == ["SB", "BB"]
    assert shares[1]["share"] == 1.0
    pairs, buckets = hand_pairs(STANDARD), ClassCards().buckets(0, 0, hand_pairs(STANDARD), ())
    raised = []
    for bucket in buckets:
        sums = row_of(0, bucket)
        raised.append(sums[2] / sums.sum() if sums.sum() else 1 / len(sums))
    assert shares[0]["share"] == pytest.approx(sum(raised) / len(pairs))
    assert 0.0 < shares[0]["never_visited"] < 0.02


def test_show_as_json_tells_translations(call):
    _, out, _ = call("show", "run", "--line", "b3bb", "--json")
    (found,) = json.loads(out)["translations"]
    assert (found["action"], found["read_as"], found["method"]) == (
        "b3bb",
        "b2.5bb",
        "pseudo-harmonic",
    )
    assert [each["token"] for each in found["neighbours"]] == ["b2.5bb", "a"]
    assert sum(each["probability"] for each in found["neighbours"]) == pytest.approx(1.0)


def test_a_seed_draws_the_neighbour_and_gives_the_same_again(call):
    def read_as(seed):
        _, out, _ = call("show", "run", "--line", "b6bb", "--json", "--randomize", seed)
        return json.loads(out)["translations"][0]["read_as"]

    found = [read_as(seed) for seed in range(20)]
    assert set(found) == {"b2.5bb", "a"}
    assert found == [read_as(seed) for seed in range(20)]


def test_show_writes_pictures_and_pages(call, tmp_path):
    for name in ("chart.png", "chart.html"):
        code, _, err = call("show", "run", "--line", "b2.5bb", "--out", tmp_path / name)
        assert code == 0, err
        assert err == f"wrote {tmp_path / name}\n"
    png = (tmp_path / "chart.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", png[16:20]) == (1350,)
    page = (tmp_path / "chart.html").read_text()
    assert "<title>BB to act preflop, after b2.5bb</title>" in page
    assert page.count("<td title=") == 169


def test_show_replaces_a_file_only_when_told(call, tmp_path):
    path = tmp_path / "chart.html"
    path.write_text("mine")
    code, out, err = call("show", "run", "--out", path)
    assert (code, out) == (2, "")
    assert "exists; replace it with --force" in err
    assert path.read_text() == "mine"
    assert call("show", "run", "--out", path, "--force")[0] == 0
    assert path.read_text() != "mine"


# --- query --------------------------------------------------------------------------------


def test_query_answers_for_one_hand(call):
    code, out, _ = call("query", "run", "--hole", "AhKd", "--line", "b2.5bb")
    assert code == 0
    lines = out.splitlines()
    assert "Ah Kd: bucket 167 of 169" in lines
    node = int(stored().game.betting.built.tree.nodes[0]["first_child"]) + 2
    sums = row_of(node, 167)
    for token, share in zip(["f", "c", "r7.5bb", "a"], sums / sums.sum(), strict=True):
        assert any(line.startswith(f"  {token:<6}  {share:8.4%}  ") for line in lines)
    assert f"visits: {sums.sum():,.1f}" in lines
    assert "reach: 1.000000 (by BB's own actions along the line; chance left out)" in lines


def test_query_on_the_flop_multiplies_the_own_actions(call):
    line = "b2.5bb c / x b0.5p"
    arguments = ["query", "run", "--hole", "KdAh", "--board", "7c8c9d", "--line", line, "--json"]
    document = json.loads(call(*arguments)[1])
    assert (document["line"], document["hole"]) == ("b2.5bb c / x b2.5bb", ["Kd", "Ah"])
    tree = stored().game.betting
    nodes, place = tree.built.tree.nodes, 0
    reach = 1.0
    for index, mine in ((2, False), (1, True), (0, True), (1, False)):
        bucket = 167 if nodes[place]["street"] == 0 else (167 + 20 + 24 + 29) % LATER
        if mine:
            sums = row_of(place, bucket)
            reach *= sums[index] / sums.sum()
        place = int(nodes[place]["first_child"]) + index
    sums = row_of(place, (167 + 20 + 24 + 29) % LATER)
    assert document["bucket"] == (167 + 20 + 24 + 29) % LATER
    assert document["reach"] == pytest.approx(reach)
    assert document["probability"] == pytest.approx((sums / sums.sum()).tolist())
    assert document["visits"] == pytest.approx(sums.sum())
    assert document["visited"]


def test_query_never_makes_up_a_strategy(call):
    code, out, _ = call("query", "run", "--hole", "7h2d")
    assert code == 0
    assert "never visited in training: there is no strategy for this hand here" in out
    assert "legal: f, c, b2.5bb, a" in out
    assert "%  fold" not in out
    document = json.loads(call("query", "run", "--hole", "7h2d", "--json")[1])
    assert (document["probability"], document["visited"], document["visits"]) == (None, False, 0)
    # On the flop the row may be known, but not how the hand came there.
    _, out, _ = call("query", "run", "--hole", "7h2d", "--line", "b2.5bb c", "--board", "8c9cTd")
    assert "it leads through infosets never visited, taken as uniform" in out


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("query run --hole Ah", "--hole: 1 cards in 'Ah'; a hand has two"),
        ("query run --hole AhAh", "--hole: card 'Ah' appears twice in 'AhAh'"),
        ("query run --hole AhXd", "--hole: 'Xd' in 'AhXd' is no card of the standard deck"),
        (
            "query run --hole AhKd --line b2.5bb-c --board 7c8cAh",
            "--hole: the card Ah is on the board too",
        ),
        ("query run", "the following arguments are required: --hole"),
        ("show run --line k", "line 'k': action 1, 'k', is none"),
        ("show run --line c-c", "action 2, 'c' of BB preflop: there is nothing to call"),
        (
            "show run --line b2.5bb-c",
            "the line ends on the flop: give its 3 board cards with --board",
        ),
        (
            "show run --line b2.5bb-c --board 7c8c",
            "--board: 2 cards, but the line ends on the flop, where 3 lie",
        ),
        (
            "show run --board 7c8c9d",
            "--board: 3 cards, but the line ends preflop, where none lie; leave --board out",
        ),
        ("show run --line c-x --board 7c8c8c", "--board: card '8c' appears twice"),
        ("show run --randomize x", "argument --randomize: invalid int value: 'x'"),
        ("show run --out chart.gif", "--out chart.gif: expected a name that ends in .png or .html"),
        ("show run --lien c", "unknown flag '--lien'; did you mean '--line'?"),
    ],
)
def test_refusals_name_the_flag_and_the_remedy(call, arguments, told):
    code, out, err = call(*arguments.split())
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_help_explains_lines(call, capsys):
    for command in ("show", "query"):
        assert main([command, "--help"]) == 0
        text = " ".join(capsys.readouterr().out.split())
        assert "b2.5bb c / x b0.5p" in text
        assert "0.5p or 50% of the pot" in text
        assert "--board CARDS" in text


# --- other games ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kuhn_run(tmp_path_factory):
    path = tmp_path_factory.mktemp("look") / "run"
    arguments = ["train", "-c", "kuhn", "--iters", "4096", "--logdir", str(path)]
    assert main([*arguments, "--num-workers", "1", "--loglevel", "warning"]) == 0
    return path


def test_show_lists_the_infosets_of_other_games(kuhn_run, capsys):
    capsys.readouterr()
    assert main(["show", str(kuhn_run)]) == 0
    out = capsys.readouterr().out
    assert "game: kuhn, 2 players" in out
    assert "the first 12 infosets; 'cfr-shm export' writes all of them" in out
    assert main(["show", str(kuhn_run), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["infosets"]
    path = kuhn_run.parent / "policy.npz"
    assert main(["export", str(kuhn_run), "--format", "npz", "--out", str(path), "--force"]) == 0
    exported = np.load(path, allow_pickle=False)
    for index, row in enumerate(rows):
        begin, end = exported["offset"][index : index + 2]
        assert row["name"] == exported["name"][index]
        assert row["probability"] == pytest.approx(exported["probability"][begin:end].tolist())
        assert row["visits"] == pytest.approx(float(exported["visits"][index]), abs=0.51)


@pytest.mark.parametrize("flag", [["--line", "c"], ["--board", "Ah"], ["--out", "chart.html"]])
def test_other_games_have_no_charts(kuhn_run, capsys, flag, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["show", str(kuhn_run), *flag]) == 2
    assert (
        f"{flag[0]}: kuhn is not hold'em, so there is no chart to draw" in capsys.readouterr().err
    )
    assert not (tmp_path / "chart.html").exists()


def test_other_games_cannot_be_queried(kuhn_run, capsys):
    assert main(["query", str(kuhn_run), "--hole", "AhKd"]) == 2
    assert "kuhn is not hold'em; list its infosets with 'cfr-shm show'" in capsys.readouterr().err


def test_a_directory_without_a_run_is_refused(capsys, tmp_path):
    assert main(["show", str(tmp_path / "none")]) == 2
    assert "there is no such run directory" in capsys.readouterr().err


# --- a run of hold'em ---------------------------------------------------------------------------

SMALL_DECK = """\
game:
  name: holdem
  players: 2
  blinds: [50, 100]
  stacks: 300
  ranks: 3
  board_cards: [0, 3]
  ranges: ["*", "AA,KK,AKs,AQo:0.5"]
abstraction:
  preflop: [[2.5x, allin], [allin]]
  flop: [[1.0]]
"""


@pytest.fixture(scope="module")
def holdem_run(tmp_path_factory):
    path = tmp_path_factory.mktemp("holdem")
    (path / "small.yaml").write_text(SMALL_DECK)
    arguments = ["train", "-c", str(path / "small.yaml"), "--iters", "4096"]
    arguments += ["--logdir", str(path / "run"), "--num-workers", "1", "--loglevel", "warning"]
    arguments += ["--set", "algorithm.weighting=vanilla"]  # visits are then counts
    assert main(arguments) == 0
    return path / "run"


def answer(capsys, *arguments):
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def rows_of(run, node, deals_bucket):
    """Return the strategy sums of one row of a checkpoint, straight from its table."""
    found = session.load_table(str(run))
    record = found.game.tree.nodes[node]
    row = int(record["row_base"]) + deals_bucket * int(record["row_stride"])
    return found.table.sums_of(row, int(record["count"]))


def test_a_trained_run_is_shown_as_its_table_has_it(holdem_run, capsys):
    chart = answer(capsys, "show", holdem_run)
    assert (chart["game"], chart["position"]) == ("holdem", "SB")
    assert [action["token"] for action in chart["actions"]] == ["f", "c", "b2.5bb", "a"]
    cells = {cell["name"]: cell for cell in chart["classes"]}
    assert list(cells) == ["AA", "AKs", "AQs", "AKo", "KK", "KQs", "AQo", "KQo", "QQ"]
    assert [cell["hands"] for cell in cells.values()] == [6, 4, 4, 12, 6, 4, 12, 12, 6]
    for hole, name in (("AhAd", "AA"), ("KdQd", "KQs"), ("AhQc", "AQo")):
        asked = answer(capsys, "query", holdem_run, "--hole", hole)
        sums = rows_of(holdem_run, 0, asked["bucket"])
        assert asked["visits"] == pytest.approx(float(sums.sum()))
        assert asked["probability"] == pytest.approx((sums / sums.sum()).tolist())
        assert asked["probability"] == pytest.approx(cells[name]["probability"])
        assert asked["visits"] == pytest.approx(cells[name]["visits"])
    # A sweep for each player visits the root once; only the other player's adds to the average.
    assert sum(cell["visits"] for cell in cells.values()) == pytest.approx(4096)


def test_ranges_and_boards_of_a_trained_run(holdem_run, capsys):
    line = ["--line", "b2.5bb c", "--board", "Ah Kd Qs"]
    chart = answer(capsys, "show", holdem_run, *line)
    assert (chart["position"], chart["board"], chart["pot"]) == ("BB", ["Ah", "Kd", "Qs"], 500)
    cells = {cell["name"]: cell["hands"] for cell in chart["classes"]}
    # What the board leaves of the big blind's range, AA, KK, AKs and half of AQo.
    assert cells == {
        "AA": 3, "KK": 3, "AKs": 2, "AQo": 7, "AQs": 0, "AKo": 0, "KQs": 0, "KQo": 0, "QQ": 0
    }  # fmt: skip
    asked = answer(capsys, "query", holdem_run, "--hole", "AcQd", *line)
    assert asked["start_weight"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--hole 2c2d", "the card 2c is not in the game's deck, which has 12 cards, Qc to As"),
        ("--hole QcQd --line c", "--hole QcQd: the hand is not in the starting range"),
        ("--hole AcAd --line c-x --board 2c3c4c", "the card 2c is not in the game's deck"),
    ],
)
def test_cards_that_a_trained_run_does_not_have(holdem_run, capsys, arguments, told):
    assert main(["query", str(holdem_run), *arguments.split()]) == 2
    assert told in capsys.readouterr().err
