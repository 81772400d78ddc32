"""Keep the hands that are played, one after the other, in a file of PHH."""

from __future__ import annotations

from pathlib import Path

from cfr_shm.cards.deck import STANDARD, Deck
from cfr_shm.errors import UsageError
from cfr_shm.layout.betting import BettingRules
from cfr_shm.protocols.phh import documents, why_not_told, write_hand
from cfr_shm.protocols.played_hand import PlayedHand
from cfr_shm.storage.files import exists, read_bytes

#: A hand takes about a kilobyte.
_LARGEST_BYTES = 1 << 28


class HistoryWriter:
    """Appends hands as numbered tables; what a file holds already stays.

    Args:
        path: the file, new or of PHH with numbered tables.
        rules: of the hands.
        deck: their cards.

    Raises:
        UsageError: PHH cannot tell such hands, or the file is something else.
    """

    def __init__(self, path: Path, rules: BettingRules, deck: Deck = STANDARD) -> None:
        if (reason := why_not_told(rules, deck)) is not None:
            raise UsageError(f"--phh {path}: hands of this game cannot be written: {reason}")
        self._path = path
        self._number = 0
        try:
            if exists(path):
                self._number = _last_number(path)
            with path.open("a", encoding="utf-8"):
                pass
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
            raise UsageError(f"--phh {path}: {reason}") from None

    def write(self, played: PlayedHand) -> None:
        """Append a hand; it is in the file when this returns."""
        self._number += 1
        numbered = played._replace(number=self._number)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"[{self._number}]\n{write_hand(numbered)}\n")


def _last_number(path: Path) -> int:
    text = read_bytes(path, _LARGEST_BYTES).decode()
    if not text.strip():
        return 0
    found = documents(text, str(path))
    numbers = [each.where.rpartition("[")[2].rstrip("]") for each in found]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        raise UsageError(f"--phh {path}: holds a hand that is no numbered table; name another file")
    return max(map(int, numbers))
