"""Parquet: label columns or a column of texts, and vectors as lists of numbers."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput, PayloadTooLarge
from bindscope.features.datasets.arrays import finite_vectors
from bindscope.features.datasets.label_tables import MAX_ROWS

VECTORS, TEXT_VECTORS = "embedding", "text_embedding"


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """``rows`` of all other columns as text; ``vectors`` [row, dim] by the column they stood in."""

    rows: list[dict[str, str]]
    vectors: Mapping[str, NDArray[np.float32]]


def read_parquet(data: bytes, what: str, *, max_bytes: int) -> ParquetTable:
    """Columns ``embedding`` (or ``text_embedding``) hold one list of numbers a row. Raises InvalidInput."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        meta = file.metadata
        if meta.num_rows > MAX_ROWS:
            raise PayloadTooLarge(f"{what} has {meta.num_rows:,} rows: at most {MAX_ROWS:,}.")
        size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        if size > max_bytes:
            raise PayloadTooLarge(f"{what} unpacks to {size:,} bytes: at most {max_bytes:,} are allowed.")
        table = file.read()
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise InvalidInput(f"{what} is not a readable Parquet file: write it again.") from error
    if not table.num_rows:
        raise InvalidInput(f"{what} has no rows.")
    vectors = {
        name: _vectors(table.column(name), f"{what}, column {name!r}")
        for name in (VECTORS, TEXT_VECTORS)
        if name in table.column_names
    }
    if not vectors:
        raise InvalidInput(
            f"{what} has no column {VECTORS!r} with the vectors. It has {', '.join(table.column_names)}."
        )
    plain = {name: _texts(table.column(name)) for name in table.column_names if name not in vectors}
    rows = [dict(zip(plain, cells, strict=True)) for cells in zip(*plain.values(), strict=True)]
    if not rows:
        raise InvalidInput(f"{what} has vectors but no labels and no texts.")
    return ParquetTable(rows, vectors)


def _vectors(column: Any, what: str) -> NDArray[np.float32]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not pa.types.is_floating(kind.value_type):
        raise InvalidInput(f"{what} must hold a list of floating point numbers in each row, got {kind}.")
    if column.null_count:
        raise InvalidInput(f"{what}: {column.null_count} rows have no vector: leave them out.")
    lengths = pc.list_value_length(column)
    first, other = lengths[0].as_py(), pc.max(lengths).as_py()
    if pc.min(lengths).as_py() != other or not first:
        raise InvalidInput(f"{what}: vectors of different lengths ({pc.min(lengths).as_py()} and {other}).")
    flat = column.combine_chunks().flatten()
    if flat.null_count:
        raise InvalidInput(f"{what}: a vector holds an empty number.")
    return finite_vectors(flat.to_numpy(zero_copy_only=False).reshape(-1, first), what)


def _texts(column: Any) -> list[str]:
    return ["" if value is None else str(value).strip() for value in column.to_pylist()]
