"""The matrix: area → clause and family → operator → property down, engines across."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .column import FAILING, JUDGED, SIGNS, STATUSES, Column, Result
from .untrusted import anchor, count

FULL = 40
_RANK = {status: rank for rank, status in enumerate(STATUSES)}


@dataclass(slots=True)
class Cell:
    """What one engine did in one row. ``harness`` counts harness errors, which are no verdict on the engine."""

    status: str
    passed: int = 0
    total: int = 0
    harness: int = 0
    target: str = ""
    shown: str = ""

    @property
    def sign(self) -> str:
        return SIGNS[self.status]

    @property
    def label(self) -> str:
        if self.shown:
            return self.shown
        return f"{self.passed:,}/{self.total:,}" if self.total else self.status.replace("-", " ")

    @property
    def share(self) -> int | None:
        """How full a group's bar is, of ``FULL``; never full where one of its members did not pass."""
        if self.shown or not self.total:
            return None
        return FULL if self.passed == self.total else min(FULL - 1, round(FULL * self.passed / self.total))


@dataclass(slots=True)
class Row:
    """A line of the matrix and the lines under it."""

    id: str
    title: str
    kind: str
    cells: list[Cell | None]
    sentence: str = ""
    source: str = ""
    profile: str = ""
    kinds: tuple[str, ...] = ()
    children: list[Row] = field(default_factory=list["Row"])

    @property
    def anchor(self) -> str:
        return anchor(self.id)

    @property
    def failures(self) -> int:
        return sum(1 for cell in self.cells if cell and cell.status in FAILING)


def build(columns: Sequence[Column]) -> list[Row]:
    """All rows of the matrix, as two forests: areas, then families."""
    found: dict[str, dict[str, Result]] = {}
    for column in columns:
        for result in column.results.values():
            found.setdefault(result.id, {})[column.title] = result
    forest: dict[tuple[str, str], list[tuple[Result, Row]]] = {}
    for by_column in found.values():
        first = next(iter(by_column.values()))
        forest.setdefault((first.kind, first.group), []).append((first, _leaf(first, columns)))
    return [_group(kind, name, leaves) for (kind, name), leaves in sorted(forest.items())]


def walk(rows: Iterable[Row], depth: int = 0) -> Iterator[tuple[int, Row]]:
    """Every row with its depth, parents before children."""
    for row in rows:
        yield depth, row
        yield from walk(row.children, depth + 1)


def _group(kind: str, name: str, leaves: list[tuple[Result, Row]]) -> Row:
    if kind == "clause":
        children = sorted((row for _, row in leaves), key=lambda row: row.id)
        return _parent(f"area/{name}", name, "area", children)
    operators: dict[str, list[Row]] = {}
    for result, row in leaves:
        operators.setdefault(result.operator, []).append(row)
    children = [
        _parent(f"op/{operator}", operator, "operator", sorted(rows, key=lambda row: row.id))
        for operator, rows in sorted(operators.items())
    ]
    return _parent(f"family/{name}", name, "family", children)


def _parent(identity: str, title: str, kind: str, children: list[Row]) -> Row:
    cells = [_sum(column) for column in zip(*(row.cells for row in children), strict=True)]
    return Row(identity, title, kind, cells, children=children)


def _sum(cells: Iterable[Cell | None]) -> Cell | None:
    """A group's cell: how many of its leaves that were judged passed, with the colour of the worst."""
    given = [cell for cell in cells if cell]
    if not given:
        return None
    total = Cell(min((cell.status for cell in given), key=_RANK.__getitem__))
    for cell in given:
        total.harness += cell.harness
        total.passed += cell.passed
        total.total += cell.total
    return total


def _leaf(first: Result, columns: Sequence[Column]) -> Row:
    title = first.property or first.id if first.kind == "operator" else first.id
    kinds: dict[str, None] = {}
    cells: list[Cell | None] = []
    for number, column in enumerate(columns):
        result = column.results.get(first.id)
        cells.append(_cell(result, column, number) if result else None)
        kinds.update(dict.fromkeys(column.kinds(result) if result else ()))
    return Row(first.id, title, "leaf", cells, first.sentence, first.source, first.profile, tuple(kinds))


def _cell(result: Result, column: Column, number: int) -> Cell:
    known = [name for name in result.findings if name in column.findings]
    return Cell(
        status=result.status,
        passed=int(result.status == "pass"),
        total=int(result.status in JUDGED),
        harness=int(result.status == "harness-error"),
        target=finding_anchor(known[0], number) if known else "",
        shown=leaf_label(result, column),
    )


def cell_anchor(row: str, column: Column) -> str:
    """The anchor of an engine's cell in the row of that id."""
    return anchor(f"{row}@{column.short}")


def finding_anchor(identity: str, number: int) -> str:
    """The anchor of a finding; later columns' findings may have the same ids."""
    return anchor(f"finding/{identity}" + (f"@{number + 1}" if number else ""))


def leaf_label(result: Result, column: Column) -> str:
    """Programs that agree of programs run; the word of the status where that ratio would say nothing."""
    if result.status not in ("pass", "fail") or not result.programs:
        return result.status.replace("-", " ")
    differing = sum(count(column.findings[name], "count") for name in result.findings if name in column.findings)
    agreeing = max(0, result.programs - max(differing, int(result.status == "fail")))
    return f"{agreeing:,}/{result.programs:,}"
