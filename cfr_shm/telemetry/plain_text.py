r"""Texts of others, made fit for a terminal: what would move its cursor is shown as ``\xNN``.

Names of games, infosets, paths and configurations may hold anything: escape sequences that clear
a screen, that pretend to be another program, that turn a line around. Whatever is printed goes
through here, at the border to the terminal, once.
"""

from __future__ import annotations

import re

#: Control characters but tab and line feed; what reorders text or breaks lines; half characters.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNFIT_IN_A_LINE = re.compile(f"\n|{_UNFIT.pattern}")


def plain(text: str) -> str:
    r"""Return a text whose characters only show.

    >>> print(plain("a\x1b[2J\tb"))
    a\x1b[2J	b
    """
    return _UNFIT.sub(_shown, text)


def plain_line(text: str) -> str:
    r"""Return a text that stays on one line.

    >>> print(plain_line("a\nb\x07"))
    a\x0ab\x07
    """
    return _UNFIT_IN_A_LINE.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
