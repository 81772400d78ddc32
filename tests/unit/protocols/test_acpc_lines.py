"""ACPC's lines: the specification's example, what is answered, and what is refused."""

from __future__ import annotations

import pytest
import universal_poker

from cfr_shm.errors import ProtocolError, UsageError
from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.protocols.acpc import (
    game_by_rules,
    move_text,
    read_betting,
    read_game,
    read_state,
    write_betting,
    write_state,
)

TEXT = universal_poker.game_text(2, (50, 100), 20_000, "nolimit")
GAME = read_game(TEXT)
LIMIT = read_game(universal_poker.game_text(2, (5, 10), 1_000, "limit"))

#: One line three ways: ACPC, our moves, and what is left after it.
LINE = "r250c/cr583c/r1483f"
MOVES = (250, CALL, CALL, 333, CALL, 900, FOLD)


def test_totals_of_the_hand_become_totals_of_the_street_and_back():
    assert read_betting(GAME, LINE) == MOVES
    assert write_betting(GAME, MOVES) == LINE


def test_a_match_state_tells_what_its_position_knows():
    line = "MATCHSTATE:0:31:r250c/cr583:2c2d|/3c3d3h"
    found = read_state(GAME, line)
    assert (found.text, found.position, found.hand_number) == (line, 0, 31)
    assert found.played.holes == ((), (0, 1))  # position 0 has the big blind, our seat 1
    assert found.played.last.actor == 1
    assert move_text(GAME, found.played.last, 666) == "r916"
    assert write_state(GAME, found.played, 0) == "r250c/cr583:2c2d|/3c3d3h"


def test_comments_say_nothing():
    assert read_state(GAME, "# hello") is None
    assert read_state(GAME, "") is None


def test_an_all_in_that_is_called_ends_all_rounds():
    assert write_betting(GAME, (20_000, CALL)) == "r20000c///"
    assert read_betting(GAME, "r20000c///") == (20_000, CALL)
    assert read_betting(GAME, "r20000c") == (20_000, CALL)


def test_limit_raises_have_no_size():
    assert read_betting(LIMIT, "rc/") == (20, CALL)
    assert move_text(LIMIT, Hand(LIMIT.rules), 20) == "r"


def test_our_own_game_is_the_servers():
    assert str(game_by_rules(GAME.rules)) == str(GAME)


@pytest.mark.parametrize(
    "options",
    [{"ante": 1}, {"betting": "pot_limit"}, {"streets": 2}],
    ids=str,
)
def test_games_that_the_protocol_does_not_have_are_refused(options):
    rules = betting_rules(players=2, blinds=[1, 2], stacks=200, **options)
    with pytest.raises(UsageError, match="ACPC has"):
        game_by_rules(rules)


GAMES = (
    ("GAMEDEF", "GAME", "begins with GAMEDEF"),
    ("nolimit", "", "expected 'limit' or 'nolimit'"),
    ("numPlayers = 2", "numPlayers = 3", "numPlayers 3 with 2 blinds"),
    ("numPlayers = 2", "numPlayers = two", "numplayers: expected whole numbers, found two"),
    ("numRounds = 4", "numRounds = 3", "numrounds is not 4"),
    ("numBoardCards = 0 3 1 1", "", "numboardcards: expected whole numbers, found none"),
    ("stack = 20000 20000", "stack = 20000", "stack: 1 values for 2 players"),
    ("stack = 20000 20000", "", "no 'stack'"),
    ("stack = 20000 20000", "stack = 9999999999 1", "stack: expected whole numbers"),
    ("firstPlayer = 2 1 1 1", "firstPlayer = 1 1 1 1", "others begin"),
)


@pytest.mark.parametrize(("found", "put", "said"), GAMES)
def test_game_files_that_are_none_are_refused(found, put, said):
    assert found in TEXT
    with pytest.raises(UsageError) as error:
        read_game(TEXT.replace(found, put), "some.game")
    assert said in str(error.value)
    assert str(error.value).startswith("some.game: ")


LINES = (
    ("HELLO", "is no match state"),
    ("MATCHSTATE:0:0", "is no match state"),
    ("MATCHSTATE:2:0::2c2d|", "is no match state"),
    ("MATCHSTATE:0:-1::2c2d|", "is no match state"),
    ("MATCHSTATE:0:0:r150:2c2d|", "'r150': seat 0 may bet or raise to 200"),
    ("MATCHSTATE:0:0:r:2c2d|", "raises have a size here"),
    ("MATCHSTATE:0:0:r250c/r250:2c2d|/3c3d3h", "raises to what is in already"),
    ("MATCHSTATE:0:0:r20001:2c2d|", "up to 20000"),
    ("MATCHSTATE:0:0:fc:2c2d|", "nobody is to act"),
    ("MATCHSTATE:0:0:cf:2c2d|", "nothing to call"),
    ("MATCHSTATE:0:0:cc:2c2d|", "stands on round 2, not 1"),
    ("MATCHSTATE:0:0:c/c:2c2d|", "nobody is to act on round 2"),
    ("MATCHSTATE:0:0:c/:2c2d|", "stands on round 1, not 2"),
    ("MATCHSTATE:0:0:x:2c2d|", "'x' is no move"),
    ("MATCHSTATE:0:0:cc/cc/cc/cc/:2c2d|/3c3d3h/3s/4c", "5 rounds"),
    ("MATCHSTATE:0:0::2c2d", "cards of 1 players"),
    ("MATCHSTATE:0:0::|2c2d", "no cards at position 0"),
    ("MATCHSTATE:0:0::2c|", "a player with 1 cards"),
    ("MATCHSTATE:0:0::2c2x|", "no card of the standard deck"),
    ("MATCHSTATE:0:0::2c2d|2c2h", "the card 2c is dealt twice"),
    ("MATCHSTATE:0:0:cc/:2c2d|", "0 board cards on round 2"),
    ("MATCHSTATE:0:0:cc/:2c2d|/3c3d", "2 board cards on round 2"),
    ("MATCHSTATE:0:0::2c2d|/3c3d3h", "3 board cards on round 1"),
)


@pytest.mark.parametrize(("line", "said"), LINES)
def test_lines_that_break_the_protocol_are_refused(line, said):
    with pytest.raises(ProtocolError) as error:
        read_state(GAME, line)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
