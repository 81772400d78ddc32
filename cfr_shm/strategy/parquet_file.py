"""The columns of a strategy in parquet, and a file of them that is written group by group."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.storage.replacing import replaced_file
from cfr_shm.strategy.arrow_arrays import arrow_array, arrow_texts

#: What a file of nodes is called: ``<stem>.nodes.parquet``.
NODES_SUFFIX = ".nodes.parquet"

#: Rows of a page; large pages are ended by bytes.
PAGE_ROWS = 1 << 16

#: Columns with few values in a group, which are written once.
_REPEATED = ["node", "line", "street", "seat", "bucket", "hand", "action", "amount"]


#: Columns whose least and greatest value tell a reader which groups it needs.
_SOUGHT = ("node", "street", "seat", "bucket")


class Texts(NamedTuple):
    """A column of few different texts."""

    number: NDArray[np.int32]  # (rows,), of its text; -1 for none
    texts: Sequence[str]


class Lines(NamedTuple):
    """Some lines of a strategy: one for each action of a row; sorted."""

    node: NDArray[np.int32]
    line: Texts
    street: NDArray[np.int8]
    seat: NDArray[np.int8]
    bucket: NDArray[np.int32]
    hand: Texts
    action: Texts
    amount: NDArray[np.int64]  # -1 for none
    probability: NDArray[np.float32]  # NaN for none
    reach: NDArray[np.float64]  # NaN for none
    visits: NDArray[np.float64]


def require_pyarrow() -> Any:
    """Return pyarrow with its parquet part.

    Raises:
        UsageError: it is not installed; says how.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "parquet needs pyarrow, which is not installed; install it by "
            "pip install 'cfr-shm[parquet]'"
        ) from None
    return pyarrow


def strategy_schema() -> Any:
    """Return the columns of a strategy and their types."""
    arrow = require_pyarrow()
    text = arrow.dictionary(arrow.int32(), arrow.string())
    return arrow.schema(
        [
            arrow.field("node", arrow.int32(), nullable=False),
            ("line", text),
            arrow.field("street", arrow.int8(), nullable=False),
            arrow.field("seat", arrow.int8(), nullable=False),
            arrow.field("bucket", arrow.int32(), nullable=False),
            ("hand", text),
            ("action", text),
            ("amount", arrow.int64()),
            ("probability", arrow.float32()),
            ("ev", arrow.float32()),
            ("reach", arrow.float64()),
            arrow.field("visits", arrow.float64(), nullable=False),
        ]
    )


def nodes_schema() -> Any:
    """Return the columns of the file of nodes and their types."""
    arrow = require_pyarrow()
    return arrow.schema(
        [
            arrow.field("node", arrow.int32(), nullable=False),
            ("parent", arrow.int32()),
            ("pot", arrow.int64()),
            ("stacks", arrow.list_(arrow.int64())),
            ("to_call", arrow.int64()),
        ]
    )


def nodes_path(path: Path) -> Path:
    """Return where the nodes of a strategy lie.

    >>> nodes_path(Path("hu.parquet")).name
    'hu.nodes.parquet'
    """
    return path.with_name(f"{path.stem}{NODES_SUFFIX}")


@contextlib.contextmanager
def parquet_writer(path: Path, schema: Any, about: Mapping[str, str]) -> Iterator[Any]:
    """Open a parquet file that takes the place of ``path`` when all of it is written.

    Args:
        path: the file.
        schema: its columns.
        about: what its metadata say.

    Raises:
        UsageError: as of ``replaced_file``; or pyarrow is not installed.
        CfrShmError: writing failed.
    """
    arrow = require_pyarrow()
    described = schema.with_metadata({key: value.encode() for key, value in about.items()})
    columns = [name for name in _REPEATED if name in schema.names]
    order = [
        arrow.parquet.SortingColumn(schema.names.index(name))
        for name in ("street", "node", "bucket")
        if name in schema.names
    ]
    with (
        replaced_file(path) as file,
        arrow.parquet.ParquetWriter(
            file,
            described,
            compression="zstd",
            use_dictionary=columns,
            write_statistics=[name for name in _SOUGHT if name in schema.names],
            sorting_columns=order,
            **_of_pages(arrow),
        ) as writer,
    ):
        yield writer


def _of_pages(arrow: Any) -> dict[str, int]:
    """Return what keeps pages from being many; no index of them waits in memory.

    Versions that have no such limit write few by themselves.
    """
    known = inspect.signature(arrow.parquet.ParquetWriter.__init__).parameters
    return {"max_rows_per_page": PAGE_ROWS} if "max_rows_per_page" in known else {}


def lines_batch(lines: Lines) -> Any:
    """Return lines as a record batch of ``strategy_schema``."""
    arrow = require_pyarrow()
    count = len(lines.node)
    columns = [
        arrow_array(arrow, lines.node),
        arrow_texts(arrow, *lines.line),
        arrow_array(arrow, lines.street),
        arrow_array(arrow, lines.seat),
        arrow_array(arrow, lines.bucket),
        arrow_texts(arrow, *lines.hand),
        arrow_texts(arrow, *lines.action),
        arrow_array(arrow, lines.amount, lines.amount < 0),
        arrow_array(arrow, lines.probability, np.isnan(lines.probability)),
        arrow.nulls(count, arrow.float32()),
        arrow_array(arrow, lines.reach, np.isnan(lines.reach)),
        arrow_array(arrow, lines.visits),
    ]
    return arrow.RecordBatch.from_arrays(columns, schema=strategy_schema())


def in_groups(parts: Iterable[Lines], least: int) -> Iterator[list[Any]]:
    """Yield record batches of the parts, so many lines together at least but for the last.

    Each list is to be emptied before the next is asked for, which would have to wait beside it.
    """
    waiting: list[Any] = []
    count = 0
    for lines in parts:
        waiting.append(lines_batch(lines))
        count += len(lines.node)
        if count >= least:
            yield waiting
            waiting, count = [], 0
    if waiting:
        yield waiting


def write_group(writer: Any, batches: list[Any]) -> None:
    """Write batches as one row group, empty the list, and keep no memory that was for them."""
    arrow = require_pyarrow()
    table = arrow.Table.from_batches(batches)
    batches.clear()
    writer.write_table(table, row_group_size=len(table))
    del table
    arrow.default_memory_pool().release_unused()
