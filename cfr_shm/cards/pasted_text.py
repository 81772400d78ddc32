"""What people paste from pages and chats: typographic signs in place of plain ones."""

from __future__ import annotations

import unicodedata

#: Dashes of every length, the minus sign, suit signs; variation selectors behind them are dropped.
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict(zip("\u2663\u2666\u2665\u2660", "cdhs", strict=True)),
        **dict(zip("\u2667\u2662\u2661\u2664", "cdhs", strict=True)),
        **dict.fromkeys("\ufe0e\ufe0f\u200b\ufeff", None),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a", "'"),
    }
)


def plain_text(text: str) -> str:
    """Return a text in plain letters, without the quotes around it.

    Wide letters and odd blanks become ordinary ones, dashes ``-``, suit signs ``c d h s``.

    >>> plain_text("\u201cA5s\u2013A2s, A\u2660K\u2660\u201d")
    'A5s-A2s, AsKs'
    """
    plain = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    stripped = plain.strip()
    if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "\"'":
        return stripped[1:-1]
    return plain
