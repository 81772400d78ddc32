"""Arrow arrays of NumPy's, made from their memory.

``pyarrow.array`` first imports pandas, where that is installed, to see whether it was given one of
its objects: 47 MB and half a second for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def arrow_array(arrow: Any, values: NDArray[Any], absent: NDArray[np.bool_] | None = None) -> Any:
    """Return an array of numbers as one of Arrow's, which shares its memory if it can.

    Args:
        arrow: pyarrow.
        values: (length,), of a type that Arrow has.
        absent: (length,), where the array is to be null; None for nowhere.
    """
    data = np.ascontiguousarray(values)
    kind = arrow.from_numpy_dtype(data.dtype)
    present, nulls = _present(arrow, absent)
    buffers = [present, arrow.py_buffer(data)]
    return arrow.Array.from_buffers(kind, len(data), buffers, nulls)


def arrow_texts(arrow: Any, number: NDArray[np.int32], texts: Sequence[str]) -> Any:
    """Return a column of few different texts.

    Args:
        arrow: pyarrow.
        number: (length,), of the text of each place; -1 for none.
        texts: the texts.
    """
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    buffers = [None, arrow.py_buffer(ends), arrow.py_buffer(b"".join(encoded))]
    words = arrow.Array.from_buffers(arrow.string(), len(encoded), buffers, 0)
    return arrow.DictionaryArray.from_arrays(arrow_array(arrow, number, number < 0), words)


def arrow_lists(arrow: Any, values: NDArray[Any]) -> Any:
    """Return (length, size) values as lists of ``size``."""
    inner = arrow_array(arrow, values.reshape(-1))
    ends = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    kind = arrow.list_(inner.type)
    buffers = [None, arrow.py_buffer(ends)]
    return arrow.Array.from_buffers(kind, len(values), buffers, 0, children=[inner])


def _present(arrow: Any, absent: NDArray[np.bool_] | None) -> tuple[Any, int]:
    """Return the bits of what is not null, and how many are."""
    nulls = 0 if absent is None else int(np.count_nonzero(absent))
    if absent is None or nulls == 0:
        return None, 0
    return arrow.py_buffer(np.packbits(~absent, bitorder="little")), nulls
