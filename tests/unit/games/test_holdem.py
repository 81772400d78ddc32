"""Hold'em from its config: decks, deals, buckets, training, checkpoints, exports."""

import dataclasses
import json
from itertools import combinations

import numpy as np
import pytest
from brute_force_evaluator import Rules
from first_cases import first_cases

from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.buckets import build_file, cached_path, open_buckets
from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import main
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.load import load_config
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.build import holdem
from cfr_shm.games.holdem.dealing import deck_of
from cfr_shm.games.holdem.small_deck import SmallDeck, list_deals
from cfr_shm.games.registry import load_game
from cfr_shm.layout.deals import DEALS_HOLDEM, DEALS_TABLE
from cfr_shm.layout.tree import SHOWDOWN
from cfr_shm.strategy.export_blueprint import require_few_entries

SMALL = """
game:
  name: holdem
  stacks: 4bb
  {game}
abstraction:
  preflop: [[1, allin]]
  {abstraction}
algorithm:
  weighting: linear
engine:
  in_process: true
run:
  iterations: {iterations}
"""
ROYAL = "ranks: 5"
FLOP = "board_cards: [0, 3]\n  ranks: 3"


@pytest.fixture(scope="module")
def royal_files(tmp_path_factory):
    """Two bucket files for the royal deck."""
    directory = tmp_path_factory.mktemp("buckets")
    for name, count in (("one", 8), ("two", 9)):
        spec = BucketSpec("royal", FAMILIES["percentile"], (25, count, count, count))
        build_file(spec, directory / name)
    return directory


def write(tmp_path, game="", abstraction="", iterations=2048):
    path = tmp_path / "game.yaml"
    path.write_text(SMALL.format(game=game, abstraction=abstraction, iterations=iterations))
    return path


def built(tmp_path, game="", abstraction=""):
    config = load_config(write(tmp_path, game, abstraction))
    return load_game(config.game, None, config.abstraction)


# --- decks -------------------------------------------------------------------------------


def test_which_deck_is_dealt_how():
    silent = AbstractionConfig()
    wanting = AbstractionConfig(bucket_method="percentile")
    assert deck_of(GameConfig(name="holdem"), silent) is STANDARD
    assert deck_of(GameConfig(name="holdem", ranks=9), wanting).name == "short"
    assert deck_of(GameConfig(name="holdem", ranks=9), silent) is None
    assert deck_of(GameConfig(name="holdem", ranks=3), wanting) is None
    assert deck_of(GameConfig(name="holdem", suits=2), wanting) is None


def brute_force_deals(ranks, suits, board_count):
    """Count wins and ties of player 0 over all deals, by the rule book."""
    cards = [4 * rank + suit for rank in range(13 - ranks, 13) for suit in range(suits)]
    rank = Rules(13).rank_five
    won = tied = total = 0
    for one in combinations(cards, 2):
        for two in combinations(set(cards) - set(one), 2):
            for board in combinations(sorted(set(cards) - set(one) - set(two)), board_count):
                best = [
                    max(rank(tuple(sorted(five))) for five in combinations((*hole, *board), 5))
                    for hole in (one, two)
                ]
                won += best[0] > best[1]
                tied += best[0] == best[1]
                total += 1
    return won / total, tied / total


@pytest.mark.parametrize(("ranks", "suits", "board"), [(2, 4, 3), (3, 3, 4), (5, 2, 3)])
def test_small_decks_by_brute_force(ranks, suits, board):
    deals = list_deals(SmallDeck(ranks, suits), 2, [0, board]).deals
    won = deals.probability[deals.strength[:, 0] > deals.strength[:, 1]].sum()
    tied = deals.probability[deals.strength[:, 0] == deals.strength[:, 1]].sum()
    assert (won, tied) == pytest.approx(brute_force_deals(ranks, suits, board), abs=1e-12)


def test_short_hands_are_ranked_by_how_often_ranks_occur():
    found = list_deals(SmallDeck(3, 4), 2, [0, 1])
    hands = found.hands[0]
    texts = dict(enumerate(hands))
    bucket, strength = found.deals.bucket, found.deals.strength
    for deal in range(len(bucket)):
        one, two = (texts[each] for each in bucket[deal, :, 0].tolist())
        board = found.hands[1][bucket[deal, 0, 1]].split()[1]
        trips = [hole[0] == hole[2] == board[0] for hole in (one, two)]
        if trips == [True, False]:
            assert strength[deal, 0] > strength[deal, 1]
        pairs = [hole[0] == hole[2] or board[0] in hole[::2] for hole in (one, two)]
        if pairs == [True, False]:
            assert strength[deal, 0] > strength[deal, 1]


def test_a_bucket_is_what_was_seen_up_to_suits():
    found = list_deals(SmallDeck(3, 4), 2, [0, 3])
    # 3 pairs, 3 suited and 3 offsuit hands, and no two of them alike.
    assert len(found.hands[0]) == len(set(found.hands[0])) == 9
    assert found.deals.bucket_count.tolist() == [[9, 417], [9, 417]]
    shares = np.bincount(found.deals.bucket[:, 0, 0], weights=found.deals.probability, minlength=9)
    for name, share in zip(found.hands[0], shares.tolist(), strict=True):
        suited = name[1] == name[3]
        wanted = 6 if name[0] == name[2] else (4 if suited else 12)
        assert share == pytest.approx(wanted / 66)
    # What was seen on the flop says what was held before it.
    before = dict(found.deals.bucket[:, 0, ::-1].tolist())
    assert all(before[flop] == pre for pre, flop in found.deals.bucket[:, 0].tolist())


def test_ranges_and_boards_of_small_decks():
    ranges = [parse_range(STANDARD, text) for text in ("AhAs", "KcKd:0.5,QsAc")]
    board = STANDARD.parse("QcQdQh")
    deals = list_deals(SmallDeck(3, 4), 2, [0, 3], board=board, ranges=ranges).deals
    # Aces against two kinds of hands, of which four queens win.
    assert sorted(deals.probability.tolist()) == pytest.approx([1 / 3, 2 / 3])
    assert deals.strength[deals.probability > 0.5].tolist() == [[0, 1]]
    with pytest.raises(GameError, match=r"game\.board: the deck has no 2c"):
        list_deals(SmallDeck(3, 4), 2, [0, 3], board=STANDARD.parse("2c"))
    with pytest.raises(GameError, match="no deal is possible"):
        list_deals(SmallDeck(3, 4), 2, [0, 3], ranges=[ranges[0], ranges[0]])
    with pytest.raises(GameError, match="too many to list"):
        list_deals(SmallDeck(8, 4), 2, [0, 3])


# --- games -------------------------------------------------------------------------------


def test_preflop_only_is_dealt_without_a_file_in_169_hands(tmp_path):
    game = built(tmp_path, "board_cards: [0]")
    assert game.deals.kind == DEALS_HOLDEM
    assert game.deals.bucket_count.tolist() == [[169], [169]]
    assert game.bucket_file is None
    assert (game.tree.nodes["kind"] == SHOWDOWN).any()
    assert game.big_blind == 200


def test_small_decks_are_listed_and_named(tmp_path):
    game = built(tmp_path, FLOP)
    assert game.deals.kind == DEALS_TABLE
    assert game.why_not_enumerable() is None
    names = [label.name for label in game.infosets()]
    assert len(set(names)) == len(names)
    assert "seat 1: KcKd | c" in names or "seat 1: KdKc | c" in names
    assert any("/ x" in name for name in names)


def test_bad_games_name_the_key(tmp_path):
    for game, abstraction, message in (
        ("ranges: ['AA', 'KKx']", "", r"game\.ranges\[1\]: 'KKx'"),
        ("board: 7c8", "", r"game\.board: '8'"),
        ("board_cards: [0, 4]", "", r"game\.board_cards \[0, 4\]: buckets are made for"),
        ("", "buckets: /no/such/file", r"there is no bucket file /no/such/file"),
        ("", f"buckets: {tmp_path}", r"abstraction\.buckets: .*no bucket file: holds no manifest"),
        ("", f"buckets: {__file__}", r"no bucket file: not a directory; .*buckets build"),
        ("", "bucket_method: emdd", r"abstraction\.bucket_method: unknown method 'emdd'"),
    ):
        with pytest.raises(GameError, match=message):
            built(tmp_path, game, abstraction)


def test_a_file_of_another_deck_is_refused(tmp_path, royal_files, capsys):
    path = write(tmp_path, "", f"buckets: {royal_files / 'one'}")
    assert main(["train", "-c", str(path), "--logdir", str(tmp_path / "run")]) == 2
    assert "was built for the royal deck, the game has the standard deck" in capsys.readouterr().err


def test_buckets_are_built_once_into_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("cfr_shm.cards.buckets.cache_root", lambda: tmp_path / "cache")
    told = []
    counts = "bucket_method: percentile\n  bucket_counts: [25, 5, 6, 7]"
    config = load_config(write(tmp_path, ROYAL, counts))
    game = holdem(config.game, config.abstraction, told.append)
    spec = BucketSpec("royal", FAMILIES["percentile"], (25, 5, 6, 7))
    monkeypatch.setattr("cfr_shm.cards.buckets.build", None)
    assert game.bucket_file.path == str(cached_path(spec))
    assert "building buckets" in told[0]
    again = holdem(config.game, config.abstraction, told.append)
    assert again.bucket_file == game.bucket_file
    assert np.array_equal(game.deals.cards.river, open_buckets(cached_path(spec)).bucket[3])


# --- runs --------------------------------------------------------------------------------


def summary_of(directory):
    return json.loads((directory / "summary.json").read_text())


@pytest.mark.parametrize("workers", first_cases([2, 0]))
def test_a_run_goes_on_and_is_exported(tmp_path, royal_files, workers, capsys):
    one = royal_files / "one"
    directory = tmp_path / "run"
    command = ["train", "-c", str(write(tmp_path, ROYAL, f"buckets: {one}"))]
    command += ["--logdir", str(directory)]
    if workers:
        command += ["--num-workers", str(workers), "--set", "engine.in_process=false"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "exploitability: not computed: its deals are drawn" in said.out
    summary = summary_of(directory)
    assert summary["exploitability"] is None
    assert summary["buckets"] == open_buckets(one).file._asdict()
    assert main(["resume", str(directory), "--iters", "4096"]) == 0
    assert summary_of(directory)["iterations"] == 4096
    out = tmp_path / "strategy.npz"
    assert main(["export", str(directory), "--format", "npz", "--out", str(out)]) == 0
    check_export(np.load(out, allow_pickle=False), summary_of(directory))
    csv = tmp_path / "strategy.csv"
    assert main(["export", str(directory), "--format", "csv", "--out", str(csv)]) == 0
    with np.load(out) as stored:
        assert len(csv.read_text().splitlines()) == 1 + len(stored["probability"])


def check_export(stored, summary):
    assert stored["buckets_fingerprint"][0] == summary["buckets"]["fingerprint"]
    for node in range(len(stored["line"])):
        actions, buckets = int(stored["actions"][node]), int(stored["buckets"][node])
        first = int(stored["first_entry"][node])
        rows = stored["probability"][first : first + actions * buckets].reshape(buckets, actions)
        assert np.allclose(rows.sum(axis=1), 1.0)
    root = stored["reach"][: stored["buckets"][0]]
    assert root.sum() == pytest.approx(1.0)
    assert stored["line"][0] == b""
    assert stored["visits"].min() >= 0.0
    assert stored["visits"].max() > 0.0


def test_other_buckets_than_those_trained_with_are_refused(tmp_path, royal_files, capsys):
    directory = tmp_path / "run"
    mine = tmp_path / "mine"
    (royal_files / "one").rename(mine)
    try:
        path = write(tmp_path, ROYAL, f"buckets: {mine}")
        assert main(["train", "-c", str(path), "--logdir", str(directory)]) == 0
        moved = royal_files / "one"
        mine.rename(moved)
        # The same buckets elsewhere are as good.
        named = ["--set", f"abstraction.buckets={moved}", "--iters", "4096"]
        assert main(["resume", str(directory), *named]) == 0
        capsys.readouterr()
        other = ["--set", f"abstraction.buckets={royal_files / 'two'}", "--iters", "8192"]
        assert main(["resume", str(directory), *other]) == 3
        error = capsys.readouterr().err
        assert str(moved) in error
        assert str(royal_files / "two") in error
    finally:
        if mine.exists():
            mine.rename(royal_files / "one")


def test_exact_exploitability_falls_on_a_small_deck(tmp_path):
    found = []
    for iterations in (1024, 262_144):
        path = write(tmp_path, FLOP, "flop: [[allin]]", iterations)
        directory = tmp_path / f"run-{iterations}"
        assert main(["train", "-c", str(path), "--logdir", str(directory)]) == 0
        found.append(summary_of(directory)["exploitability"]["value"])
    assert found[1] < 0.2 * found[0]
    assert found[1] < 4.0  # chips, of a big blind of 200


def test_discounting_pruning_and_three_players(tmp_path, royal_files, capsys):
    for number, settings in enumerate(
        (
            ["algorithm.weighting=dcfr", "algorithm.discount_interval=1024"],
            ["algorithm.prune_threshold=-1000", "game.players=3"],
        )
    ):
        path = write(tmp_path, ROYAL, f"buckets: {royal_files / 'one'}\n  max_nodes: 100000")
        command = ["train", "-c", str(path), "--logdir", str(tmp_path / f"run{number}")]
        for each in settings:
            command += ["--set", each]
        assert main(command) == 0, capsys.readouterr().err
    assert "3 players: there is no guarantee" in capsys.readouterr().err


def test_a_csv_of_a_blueprint_is_refused(tmp_path):
    game = built(tmp_path, "board_cards: [0]")
    require_few_entries(game)
    counts = np.full_like(game.deals.bucket_count, 10**7)
    large = dataclasses.replace(game, deals=game.deals._replace(bucket_count=counts))
    with pytest.raises(GameError, match="use --format npz"):
        require_few_entries(large)
