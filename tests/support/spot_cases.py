"""Spots that tests share: published ones, closed forms, and small ones on a small deck."""

from __future__ import annotations

from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.sizes import Thresholds, parse_sizes
from cfr_shm.spots.spot_game import SpotGame, build_spot
from cfr_shm.spots.street_trees import Menu, TreeRules

#: The ranges and sizes of the benchmark that wasm-postflop's README publishes ("3betpotFAST").
FAST_OOP = (
    "88+,A8s+,A5s-A2s:0.5,AJo+,ATo:0.75,K9s+,KQo,KJo:0.75,KTo:0.25,Q9s+,QJo:0.5,J8s+,JTo:0.25,"
    "T8s+,T7s:0.45,97s+,96s:0.45,87s,86s:0.75,85s:0.45,75s+:0.75,74s:0.45,65s:0.75,64s:0.5,"
    "63s:0.45,54s:0.75,53s:0.5,52s:0.45,43s:0.5,42s:0.45,32s:0.45"
)
FAST_IP = (
    "AA:0.25,99-22,AJs-A2s,AQo-A8o,K2s+,K9o+,Q2s+,Q9o+,J6s+,J9o+,T6s+,T9o,96s+,95s:0.5,98o,86s+,"
    "85s:0.5,75s+,74s:0.5,64s+,63s:0.5,54s,53s:0.5,43s"
)
FAST_SIZES = (("52%", "45%"), ("55%", "45%"), ("70%", "45%"))
#: Those of postflop-solver's basic example.
BASIC_OOP = "66+,A8s+,A5s-A4s,AJo+,K9s+,KQo,QTs+,JTs,96s+,85s+,75s+,65s,54s"
BASIC_IP = "QQ-22,AQs-A2s,ATo+,K5s+,KJo+,Q8s+,J8s+,T7s+,96s+,86s+,75s+,64s+,53s+"


def menu(bets: str, raises: str, donks: str | None = None) -> Menu:
    """Return a menu from texts."""
    return Menu(
        parse_sizes(bets, raises=False, place="bets"),
        parse_sizes(raises, raises=True, place="raises"),
        None if donks is None else parse_sizes(donks, raises=False, place="donk"),
    )


def fast_spot(board: str, rake: tuple[float, float] = (0.0, 0.0), **further) -> SpotGame:
    """Return the spot "3betpotFAST", or a later street of it."""
    menus = tuple((menu(bets, raises),) * 2 for bets, raises in FAST_SIZES)
    rules = TreeRules(len(board) // 2 - 3, 180.0, 910.0, menus)
    ranges = [parse_range(STANDARD, FAST_OOP), parse_range(STANDARD, FAST_IP)]
    payoffs = ChipPayoffs(180.0, *rake)
    return build_spot(STANDARD.parse(board), ranges, rules, payoffs, **further)


def basic_spot(board: str) -> SpotGame:
    """Return the spot of postflop-solver's basic example on its turn or its river."""
    plain, lead = menu("60%,e,a", "2.5x"), menu("60%,e,a", "2.5x", "50%")
    menus = ((plain, plain), (plain, plain), (lead, plain))
    rules = TreeRules(len(board) // 2 - 3, 200.0, 900.0, menus, Thresholds(1.5, 0.15, 0.1))
    ranges = [parse_range(STANDARD, BASIC_OOP), parse_range(STANDARD, BASIC_IP)]
    return build_spot(STANDARD.parse(board), ranges, rules, ChipPayoffs(200.0))


def toy_spot(stack: float, rake_fraction: float = 0.0, oop: str = "AA,QQ", ip: str = "KK"):
    """Return the river on which one player has the best hand or nothing, all-in or check."""
    jam = menu("a", "a")
    rules = TreeRules(2, 100.0, stack, ((jam, jam),) * 3)
    ranges = [parse_range(STANDARD, oop), parse_range(STANDARD, ip)]
    payoffs = ChipPayoffs(100.0, rake_fraction)
    return build_spot(STANDARD.parse("2c2d2h3s3d"), ranges, rules, payoffs)


def small_turn(rake: tuple[float, float] = (0.0, 0.0), **further) -> SpotGame:
    """Return a turn on twenty cards with few hands and uneven ranges."""
    half = menu("50%", "60%")
    rules = TreeRules(1, 100.0, 150.0, ((half, half),) * 3, Thresholds(force_allin=0.2))
    oop = parse_range(ROYAL, "AhAd,AcKc,KsQs:0.5,JhJc,QdTd,ThTc:0.25,AsTs")
    ip = parse_range(ROYAL, "KhKd,AhQh:0.75,QcJc,TsTd,AdJd,KcTc:0.5")
    payoffs = ChipPayoffs(100.0, *rake)
    return build_spot(ROYAL.parse("KcQsJdTh"), [oop, ip], rules, payoffs, deck=ROYAL, **further)


def small_flop(**further) -> SpotGame:
    """Return a flop on twenty cards with few hands and uneven ranges."""
    half = menu("50%", "60%")
    rules = TreeRules(0, 100.0, 150.0, ((half, half),) * 3, Thresholds(force_allin=0.2))
    oop = parse_range(ROYAL, "AhAd,AcKc,KsQs:0.5,JhJc,QdTd,ThTc:0.25")
    ip = parse_range(ROYAL, "KhKd,AhQh:0.75,QcJc,TsTd,AdJd,KcTc:0.5")
    payoffs = ChipPayoffs(100.0)
    return build_spot(ROYAL.parse("KcQsJd"), [oop, ip], rules, payoffs, deck=ROYAL, **further)
