"""Every reader of hands and of other programs' lines; see ``test_fuzz_readers``."""

from __future__ import annotations

import json

import pytest
import universal_poker
from fuzzing import Target, meaning_or_refusal, text

from cfr_shm.errors import ProtocolError
from cfr_shm.protocols.acpc import read_game, read_state
from cfr_shm.protocols.phh import documents, read_hand, write_hand
from cfr_shm.protocols.slumbot import read_line, read_reply
from cfr_shm.storage.documents import DocumentError, parse_document

GAME = universal_poker.game_text(2, (50, 100), 20_000, "nolimit")
PHH = """variant = 'NT'
antes = [0, 0.5]
blinds_or_straddles = [50, 100]
min_bet = 100
starting_stacks = [20000, 20000.5]
actions = ['d dh p1 AcAd', 'd dh p2 ????', 'p2 cbr 250', 'p1 cc', 'd db 2c3c4c',
           'p1 cbr 200.5', 'p2 f']
players = ['a', "b"]
finishing_stacks = [1, 2]
"""
LIMIT = PHH.replace("'NT'", "'FT'").replace("min_bet = 100", "small_bet = 100\nbig_bet = 200")
REPLY = {
    "action": "b200c/kk/",
    "client_pos": 0,
    "hole_cards": ["Ac", "9d"],
    "board": ["2c", "3c", "4h", "5s"],
    "token": "a",
}


def read_history(given: str) -> None:
    for document in documents(given, "x.phhs"):
        write_hand(read_hand(document))


def read_answer(given: bytes) -> None:
    try:
        document = parse_document(given)
    except DocumentError as error:
        raise ProtocolError(str(error)) from None
    read_reply(document)


TARGETS: dict[str, Target] = {
    "phh": Target(
        text(read_history),
        (PHH.encode(), LIMIT.encode(), f"[1]\n{PHH}\n[2]\n{PHH}".encode()),
    ),
    "acpc_game": Target(text(read_game), (GAME.encode(),)),
    "acpc_state": Target(
        text(lambda given: read_state(read_game(GAME), given)),
        (b"MATCHSTATE:0:31:r250c/cr583:2c2d|/3c3d3h", b"MATCHSTATE:1:0:r20000c///:|As9h", b"# x"),
    ),
    "slumbot_line": Target(text(read_line), (b"b250c/kb333c/b900f", b"b20000c///")),
    "slumbot_answer": Target(
        read_answer,
        (
            json.dumps(REPLY).encode(),
            json.dumps(REPLY | {"action": "f", "board": [], "winnings": 50}).encode(),
        ),
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_protocols(name: str) -> None:
    meaning_or_refusal(TARGETS[name])


def test_the_seeds_of_protocols_are_read() -> None:
    for target in TARGETS.values():
        target.read(target.seeds[0])
