"""What there is: clauses, operators, backends, with the counts that a results file measured."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..recording.record import Record, RecordError, Run, read

_SEEN = ("dtypes", "ranks", "layouts")


def newest(folder: Path) -> Run | None:
    """The newest results file of a folder that can be read, or None."""
    files = sorted(folder.glob("**/*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for file in files:
        try:
            return read(file)
        except RecordError:
            continue
    return None


def rows(what: str, run: Run | None) -> list[Record]:
    """One object a line, each with an ``id``; ``measured`` where the run has it."""
    if what == "backends":
        from ..backends import known

        return [{"id": name} for name in known()]
    if what == "engines":
        from ..certifying.environments import engines

        return [{"id": e.name, "backend": e.backend, "packages": [*e.packages, *e.system]} for e in engines().values()]
    results = list(run.results.values()) if run else []
    found = _clauses() if what == "clauses" else _operators()
    key = "id" if what == "clauses" else "operator"
    return [{**row, **_measured(row["id"], key, results)} for row in sorted(found, key=lambda row: row["id"])]


def _clauses() -> Iterator[Record]:
    from ..promises.clause import clause_functions

    for function in clause_functions():
        yield {name: getattr(function.clause, name) for name in ("id", "area", "profile", "sentence", "source")}


def _operators() -> Iterator[Record]:
    catalogue = importlib.import_module("..catalogue", __package__)
    for line in map(catalogue.find, catalogue.operators()):
        yield {"id": line.name, "family": line.family, "dtypes": list(line.dtypes), "forms": list(line.forms)}


def _measured(identity: str, key: str, results: Iterable[Record]) -> Record:
    mine = [result for result in results if result.get(key) == identity]
    if not mine:
        return {}
    counts = {name: sum(int(result.get(name) or 0) for result in mine) for name in ("programs", "witnessed")}
    seen: list[dict[str, Any]] = [result.get("seen") or {} for result in mine]
    measured: Record = {"drawn": counts["programs"], "witnessed": counts["witnessed"]}
    for name in _SEEN:
        measured[name] = sorted({value for part in seen for value in part.get(name, ())}, key=str)
    keywords: dict[str, set[str]] = {}
    for part in seen:
        for name, values in part.get("keywords", {}).items():
            keywords.setdefault(name, set()).update(map(str, values))
    measured["keywords"] = {name: sorted(values) for name, values in sorted(keywords.items())}
    return {"measured": measured}


def line(row: Record) -> str:
    """A row as one line of text."""
    measured = row.get("measured")
    counts = f"  drawn {measured['drawn']:,}, witnessed {measured['witnessed']:,}" if measured else ""
    words = row.get("sentence") or row.get("family") or ", ".join(row.get("packages", ()))
    return f"{row['id']:<52} {words}{counts}".rstrip()


def markdown(rows: Iterable[Record]) -> str:
    """Clauses as a page: a table an area, each clause with its anchor."""
    areas: dict[str, list[Record]] = {}
    for row in rows:
        areas.setdefault(row["area"], []).append(row)
    lines = [
        "# Clauses",
        "",
        f"{sum(map(len, areas.values()))} clauses in {len(areas)} areas, made from the catalogue.",
    ]
    for area, members in sorted(areas.items()):
        lines += ["", f"## {area}", "", "| clause | sentence | source | profile |", "|---|---|---|---|"]
        lines += [_table_line(row) for row in members]
    return "\n".join(lines) + "\n"


def _table_line(row: Record) -> str:
    cells = (row["sentence"], row["source"], row["profile"])
    name = f'<a id="{row["id"]}"></a>`{row["id"]}`'
    return f"| {name} | {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"
