"""Hands by OpenSpiel's universal_poker, which plays by the rules of ACPC's own server."""

from __future__ import annotations

from collections.abc import Sequence

import pyspiel

RANKS, SUITS = "23456789TJQKA", "cdhs"


def game_text(players: int, blinds: Sequence[int], stack: int | Sequence[int], limit: str) -> str:
    """A game file of ACPC; heads-up the first position has the big blind."""
    stacks = [stack] * players if isinstance(stack, int) else list(stack)
    by_position = list(blinds)[::-1] if players == 2 else [*blinds, *[0] * (players - 2)]
    first = "2 1 1 1" if players == 2 else "3 1 1 1"
    lines = ["GAMEDEF", limit, f"numPlayers = {players}", "numRounds = 4"]
    lines += ["stack = " + " ".join(map(str, stacks)), "blind = " + " ".join(map(str, by_position))]
    if limit == "limit":
        big = max(blinds)
        lines += [f"raiseSize = {big} {big} {2 * big} {2 * big}", "maxRaises = 3 4 4 4"]
    lines += [f"firstPlayer = {first}", "numSuits = 4", "numRanks = 13", "numHoleCards = 2"]
    return "\n".join([*lines, "numBoardCards = 0 3 1 1", "END GAMEDEF", ""])


def load(text: str):
    """OpenSpiel's game of a game file, any raise allowed."""
    named: dict[str, str] = {}
    for line in text.splitlines()[1:-1]:
        name, _, values = line.partition("=")
        named[name.strip()] = values.strip()
    parameters = {
        "betting": "limit" if "limit" in named else "nolimit",
        "bettingAbstraction": "fcpa" if "limit" in named else "fullgame",
        "numPlayers": int(named["numPlayers"]),
        "numRounds": 4,
        "blind": named["blind"],
        "stack": named["stack"],
        "firstPlayer": named["firstPlayer"],
        "numSuits": 4,
        "numRanks": 13,
        "numHoleCards": 2,
        "numBoardCards": "0 3 1 1",
    }
    if "limit" in named:
        parameters |= {"raiseSize": named["raiseSize"], "maxRaises": named["maxRaises"]}
    return pyspiel.load_game("universal_poker", parameters)


class UniversalHand:
    """A hand in progress; chance is dealt from a list of cards, ours, in the order of dealing."""

    def __init__(self, game, deal: Sequence[int]) -> None:
        self.state = game.new_initial_state()
        self._deal = list(deal)
        self._chance()

    def _chance(self) -> None:
        while self.state.is_chance_node():
            self.state.apply_action(self._deal.pop(0))

    @property
    def position(self) -> int:
        return self.state.current_player()

    @property
    def finished(self) -> bool:
        return self.state.is_terminal()

    def legal(self) -> tuple[bool, tuple[int, int] | None]:
        """Whether a fold is legal, and the least and most to raise to over the hand."""
        actions = self.state.legal_actions()
        raises = [action for action in actions if action > 1]
        assert 1 in actions
        if raises:
            assert raises == list(range(raises[0], raises[-1] + 1))
        return 0 in actions, (raises[0], raises[-1]) if raises else None

    def play(self, action: int) -> None:
        self.state.apply_action(action)
        self._chance()

    def line(self) -> str:
        """The line of the server's log, without its name and number: betting and cards."""
        text = str(self.state)
        found = next(line for line in text.splitlines() if line.startswith("ACPC State:"))
        return found.partition("STATE:")[2]
