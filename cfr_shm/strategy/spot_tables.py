"""Rows of results as files: CSV, JSON or parquet, as the file's name ends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cfr_shm.storage.replacing import replaced_file
from cfr_shm.strategy.parquet_file import parquet_writer, require_pyarrow

CSV, JSON, PARQUET = ".csv", ".json", ".parquet"
TABLES = (CSV, JSON, PARQUET)

Row = Mapping[str, Any]


def write_table(path: Path, rows: Sequence[Row], about: Mapping[str, Any], suffix: str) -> None:
    """Write rows to a file that takes the place of ``path`` when all of it is written.

    Columns are those of the rows in the order in which they first come; what a row has not is
    empty (CSV) or null. CSV has the rows alone.

    Args:
        path: the file.
        rows: texts, numbers, truth values and None by column.
        about: what the rows are of: ``about`` of JSON, metadata of parquet.
        suffix: of TABLES: how it is written.

    Raises:
        UsageError: the file cannot be written to, or pyarrow is not installed.
        CfrShmError: writing failed.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if suffix == PARQUET:
        _write_parquet(path, rows, columns, about)
        return
    with replaced_file(path) as file:
        if suffix == JSON:
            whole = [{name: row.get(name) for name in columns} for row in rows]
            document = {"about": dict(about), "rows": whole}
            file.write((json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
        else:
            text = io.StringIO()
            writer = csv.DictWriter(text, columns)
            writer.writeheader()
            writer.writerows(rows)
            file.write(text.getvalue().encode())


def _write_parquet(
    path: Path, rows: Sequence[Row], columns: Sequence[str], about: Mapping[str, Any]
) -> None:
    arrow = require_pyarrow()
    values = {name: [row.get(name) for row in rows] for name in columns}
    schema = arrow.schema([(name, _type(arrow, values[name])) for name in columns])
    told = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()
    }
    with parquet_writer(path, schema, told) as writer:
        writer.write_table(arrow.table(values, schema=schema))


def _type(arrow: Any, values: Sequence[Any]) -> Any:
    """Return a column's type: of texts, truth values, whole numbers, else numbers."""
    known = [value for value in values if value is not None]
    for kind, found in ((str, arrow.string()), (bool, arrow.bool_()), (int, arrow.int64())):
        if known and all(type(value) is kind for value in known):
            return found
    return arrow.float64()
