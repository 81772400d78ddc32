"""Inputs that are nearly right: seeds that are cut, spliced, flipped and filled with odd bits."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

#: What parsers trip over: numbers beyond everything, brackets, escapes, halves of things.
ODD = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"\r\n",
    b"\xe2\x80\xae",
    b"9" * 400,
    b"9" * 5000,
    b"1e999",
    b"-1e-999",
    b"NaN",
    b"Infinity",
    b"-0",
    b"9007199254740993",
    b"18446744073709551616",
    b"\\ud800",
    b'"\\UFFFFFFFF"',
    b"%YAML 9.9\n---\n",
    b"!!python/object:x",
    b"&a *a",
    b"<<: *a",
    b"**{{}}",
    b"../../x",
    b"~nosuch/x.py:f",
    b"[" * 200,
    b"[" * 20_000,
    b"]" * 200,
    b"{" * 200,
    b'{"a":' * 200,
    b'{"data":' * 5000,
    b"(" * 200,
    b"-" * 5000,
    b"'\"`",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b": ",
    b"\t",
    b"#",
    b"=",
    b"-",
    b"+",
    b"@",
    b"/",
    b",",
)


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Draw one of the seeds after a few changes, or bytes of no origin at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    found = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 5))):
        first = draw(st.integers(0, len(found)))
        end = min(len(found), first + draw(st.sampled_from([0, 0, 1, 2, 8, 64, 1024])))
        change = draw(st.sampled_from(["odd", "odd", "flip", "cut", "twice", "splice", "end"]))
        if change == "odd":
            found[first:end] = draw(st.sampled_from(ODD))
        elif change == "flip" and first < len(found):
            found[first] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del found[first:end]
        elif change == "twice":
            found[first:first] = found[first:end]
        elif change == "splice":
            other = draw(st.sampled_from(seeds))
            start = draw(st.integers(0, len(other)))
            found[first:end] = other[start : start + 64]
        elif change == "end":
            del found[first:]
        del found[1 << 16 :]
    return bytes(found)
