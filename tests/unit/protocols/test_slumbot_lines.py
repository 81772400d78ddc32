"""Slumbot's lines and answers: one line three ways, and what is refused."""

from __future__ import annotations

import pytest

from cfr_shm.errors import ProtocolError
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.protocols.slumbot import read_line, read_reply, write_line

LINE = "b250c/kb333c/b900f"
MOVES = (250, CALL, CALL, 333, CALL, 900, FOLD)
REPLY = {
    "old_action": "",
    "action": "b250",
    "client_pos": 0,
    "hole_cards": ["Ac", "9d"],
    "board": [],
    "token": "a",
}
OVER = REPLY | {"action": "b250f", "winnings": -100, "baseline_winnings": -30}
SHOWN = REPLY | {
    "action": "b20000c///",
    "board": ["2c", "3c", "4h", "5s", "7d"],
    "bot_hole_cards": ["Kc", "Kd"],
    "winnings": 20_000,
}


def test_totals_of_the_street_are_ours():
    assert read_line(LINE) == MOVES
    assert write_line(MOVES) == LINE


def test_an_answer_tells_seat_cards_and_result():
    found = read_reply(REPLY)
    assert (found.seat, found.winnings, found.token) == (1, None, "a")
    assert found.played.last.actor == 1
    assert found.played.holes == ((), (48, 29))
    over = read_reply(OVER)
    assert (over.winnings, over.baseline) == (-100, -30)
    assert read_reply(SHOWN).played.last.finished


LINES = (
    ("b150", "may bet or raise to 200"),
    ("b20001", "up to 20000"),
    ("b0", "a bet of nothing"),
    ("k", "50 are to call"),
    ("ck/c", "nothing to call"),
    ("ckk", "nobody is to act on street 1"),
    ("ck", "ends on another street"),
    ("c/k", "nobody is to act on street 2"),
    ("cf", "nothing to call"),
    ("b", "is no move"),
    ("hello", "is no move"),
    ("ck/kk/kk/kk/k", "nobody is to act on street 5"),
)


@pytest.mark.parametrize(("line", "said"), LINES)
def test_lines_that_break_the_rules_are_refused(line, said):
    with pytest.raises(ProtocolError) as error:
        read_line(line)
    assert said in str(error.value)


ANSWERS = (
    ([], "no JSON object"),
    ({"error_msg": "Token not found"}, "the server says: Token not found"),
    (REPLY | {"client_pos": 2}, "client_pos 2"),
    (REPLY | {"client_pos": True}, "client_pos True"),
    (REPLY | {"action": 7}, "action is no text"),
    (REPLY | {"hole_cards": ["Ac"]}, "a player has two cards"),
    (REPLY | {"hole_cards": "AcAd"}, "hole_cards is no list of cards"),
    (REPLY | {"hole_cards": ["Ac", "Ac"]}, "appears twice"),
    (REPLY | {"board": ["2c", "3c", "4c"]}, "3 board cards on street 1"),
    (REPLY | {"token": 5}, "the token is no text"),
    (REPLY | {"winnings": 50}, "the betting is not over, winnings are 50"),
    (OVER | {"winnings": None}, "the betting is over, winnings are None"),
    (OVER | {"winnings": "lots"}, "winnings 'lots' is no whole number"),
    (OVER | {"winnings": 100}, "winnings 100 of a hand that pays -100"),
    (SHOWN | {"bot_hole_cards": ["Kc", "Kd"], "winnings": -20_000}, "of a hand that pays 20000"),
)


@pytest.mark.parametrize(("document", "said"), ANSWERS)
def test_answers_that_make_no_sense_are_refused(document, said):
    with pytest.raises(ProtocolError) as error:
        read_reply(document)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
