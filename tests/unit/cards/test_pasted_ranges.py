"""Ranges as other tools write them: read exactly, or refused with the form that works."""

import json

import numpy as np
import pytest

from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.ranges import hand_of, hand_pairs, parse_range
from cfr_shm.errors import UsageError

#: The same range in every spelling: AA and KK whole, AKs and QJs at a half, AhQh at a quarter.
PLAIN = "AA,KK,AKs:0.5,QJs:0.5,AhQh:0.25"
#: What wasm- and desktop-postflop export: a file of ranges, each a text.
WASM_OUT_OF_POSITION = "66+,A8s+,A5s-A4s,AJo+,K9s+,KQo,QTs+,JTs,96s+,85s+,75s+,65s,54s"


def read(text, deck=STANDARD):
    return parse_range(deck, text)


@pytest.mark.parametrize(
    "text",
    [
        "AA, KK, AKs:0.5, QJs:0.5, AhQh:0.25,",
        "AA,KK,,AKs:.5,QJs:0.50,AhQh:25%,\n",
        "AA\nKK\nAKs:0.5\nQJs:0.5\nAhQh:0.25\n",
        "AA,KK,\r\nAKs:0.5,QJs:0.5,\r\nAhQh:0.25",
        "AA KK AKs:0.5 QJs:0.5 AhQh:0.25",
        "AA;KK;AKs:50%;QJs:50%;AhQh:25%",
        "AA@1.0,KK@1,AKs@0.5,QJs@0.5,AhQh@0.25",
        "AA:100%,KK,AKs:50%,QJs: 50.0 %".replace(" %", "%") + ",AhQh : 25%",
        "[100]AA,KK[/100],[50]AKs,QJs[/50],[25]AhQh[/25]",
        "[50.0]AKs, QJs[/50.0], AA, KK, [25.00]Ah Qh[/25.0]",
        "AA, KK, [50]AKs\nQJs[/50]\n[25]A♥Q♥[/25],",
        "aa,kk,AKS:0.5,qjs:0.5,ahqh:5e-1,AHQH:0.25",
    ],
)
def test_one_range_in_many_spellings(text):
    assert read(text).tolist() == read(PLAIN).tolist()


def test_pio_writes_a_number_for_each_hand():
    """In the order 2d2c, 2h2c, 2h2d, 2s2c, ...: cards by rank then suit, the higher one first."""
    wanted = read(PLAIN)
    names = [STANDARD.text([high, low]) for low, high in hand_pairs(STANDARD).tolist()]
    assert names[:4] == ["2d2c", "2h2c", "2h2d", "2s2c"]
    assert names[-1] == "AsAh"
    text = " ".join(f"{weight:g}" for weight in wanted)
    assert read(text).tolist() == wanted.tolist()
    assert read(text.replace(" ", "\n")).tolist() == wanted.tolist()
    with pytest.raises(UsageError, match=r"'1\.5' is none from 0 to 1"):
        read(text.replace("0.25", "1.5"))


def test_values_of_exported_files_are_read_and_whole_files_refused():
    document = {
        "version": 2,
        "name": "ranges",
        "data": [
            {"path": ["BTN", "S3 OOP"], "isGroup": False, "value": WASM_OUT_OF_POSITION},
            {"path": ["S3 IP"], "isGroup": False, "value": "QQ-22,AQs-A2s,53s+"},
        ],
    }
    # 54 pairs, 88 suited and 36 offsuit hands, counted by hand.
    found = read(document["data"][0]["value"])
    pairs = hand_pairs(STANDARD)
    ranks, suits = pairs // 4, pairs % 4
    paired, suited = ranks[:, 0] == ranks[:, 1], suits[:, 0] == suits[:, 1]
    assert (found[paired].sum(), found[suited].sum(), found[~paired & ~suited].sum()) == (
        54,
        4 * (6 + 2 + 4 + 2 + 1 + 3 + 3 + 2 + 1 + 1),
        12 * (3 + 1),
    )
    with pytest.raises(
        UsageError, match=r"whole file of ranges \(BTN / S3 OOP, S3 IP\); give"
    ) as told:
        read(json.dumps(document, indent=1))
    assert "\n" not in str(told.value)
    with pytest.raises(UsageError, match="is no range; write for example"):
        read('{"version": 2}')


def test_the_last_piece_counts_in_brackets_too():
    found = read("[25]AA[/25],AhAd,[0]AcAd[/0]")
    assert found[hand_of(*STANDARD.parse("AhAd"))] == 1.0
    assert found[hand_of(*STANDARD.parse("AcAd"))] == 0.0
    assert found.sum() == 4 * 0.25 + 1.0


def test_short_decks_have_as_many_numbers_as_hands():
    weights = np.linspace(0.0, 1.0, 190)
    assert read(" ".join(map(repr, weights.tolist())), ROYAL).tolist() == weights.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AA:50", "'AA:50' in the range 'AA:50': '50' is no weight; for per cent write AA:50%"),
        ("AA@75", "for per cent write AA:75% or AA:0.75"),
        ("AA:120%", "'120%' is no weight; write a number from 0 to 1, or per cent"),
        ("AA:0.5:0.5", "'0.5:0.5' is no weight"),
        ("AA:\u0660", "is no weight"),
        ("[50]AA,KK", "opens [50] and never closes it; write [50]AA,KK[/50], or AA:0.5"),
        ("[50]AA[/25]", "[/25] in the range '[50]AA[/25]': [50] is open"),
        ("AA[/50]", "[/50] in the range 'AA[/50]': nothing is open; write [50]AA,KK[/50]"),
        ("[50]AA,[25]KK[/25][/50]", "[25] in the range"),
        ("[150]AA[/150]", "more than 100 per cent"),
        ("[50]AA:0.5[/50]", "'AA:0.5' in the range '[50]AA:0.5[/50]' has a weight, and [50]"),
        ("1010", "the ten is written T"),
        ("A10s", "the ten is written T"),
        ("AXs", "write the lowest and +, for example A2s+"),
        ("15%", "shares of all hands are not read; write the hands, or * for all"),
        ("QQ+, AK or better", "'or' in the range"),
    ],
)
def test_refusals_say_what_works(text, message):
    with pytest.raises(UsageError) as told:
        read(text)
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_long_texts_are_not_repeated_whole():
    with pytest.raises(UsageError) as told:
        read("AKs:0.5," * 100 + "ZZ")
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("pasted", "plain"),
    [
        ("A5s\u2013A2s", "A5s-A2s"),
        ("QQ\u201422,KTs\u2212K8s", "QQ-22,KTs-K8s"),
        ("\uff21\uff21\uff0cKK\uff1a0.5", "AA,KK:0.5"),
        ("\u201cAA, KK\u201d", "AA,KK"),
        ("'AA'", "AA"),
        ("A\u2660\ufe0fK\u2660\ufe0f,\u00a0QQ", "AsKs,QQ"),
        ("A\u2664K\u2661", "AsKh"),
        ("[ 50 ]AA[ /50 ]", "AA:0.5"),
        ("AA:50 %, KK @ 25 %", "AA:0.5,KK:0.25"),
        ("\ufeffAA\u200b", "AA"),
    ],
)
def test_what_pages_and_chats_make_of_a_range_is_read(pasted, plain):
    assert np.array_equal(parse_range(STANDARD, pasted), parse_range(STANDARD, plain))
