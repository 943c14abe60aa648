"""The data island: every leaf of the matrix, compressed, for the search box and the lines that open on demand."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from .column import STATUSES, Column
from .matrix import Cell, Row, walk
from .untrusted import anchor


def pack(columns: Sequence[Column], rows: Sequence[Row], late: Sequence[Sequence[str]]) -> str:
    """Base64 of gzip of JSON; the page's script states the inverse. ``late`` are findings as finished HTML."""
    data = {
        "engines": [column.title for column in columns],
        "short": [anchor(column.short) for column in columns],
        "statuses": STATUSES,
        "rows": [_pack_row(depth, row) for depth, row in walk(rows)],
        "late": late,
    }
    packed = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), 6, mtime=0)
    return base64.b64encode(packed).decode()


def _pack_row(depth: int, row: Row) -> list[Any]:
    cells = [_pack_cell(cell) for cell in row.cells]
    return [depth, row.kind, row.id, row.anchor, row.title, row.sentence, row.source, row.profile, row.kinds, cells]


def _pack_cell(cell: Cell | None) -> list[Any] | int:
    if cell is None:
        return 0
    packed = [STATUSES.index(cell.status), cell.label, cell.harness, cell.target]
    return packed if cell.share is None else [*packed, cell.share]
