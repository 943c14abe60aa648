"""Known deviations: the adopter's own TOML list of clauses that fail, each with a reason and a date to look again."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class KnownDeviations:
    """``entries`` by clause id, as a result shows them: reason, link, review_after; ``problems`` fail the run."""

    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    review: dict[str, datetime.date] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def judge(self, statuses: dict[str, str], whole: bool, today: datetime.date | None = None) -> None:
        """Finds entries that pass, match nothing (in a whole run) or are past their date."""
        today = today or datetime.date.today()
        for clause, due in self.review.items():
            status = statuses.get(clause)
            if due < today:
                self.problems.append(f"known deviation {clause}: its review_after {due} is past; look again")
            if status == "pass":
                self.problems.append(f"known deviation {clause}: it passes now; take the entry out")
            elif status is None and whole:
                self.problems.append(f"known deviation {clause}: no such clause was run; mend the id")


def read_known(path: Path) -> KnownDeviations:
    """Reads ``[[known]]`` tables (clause, reason, link, review_after). Raises ValueError with one clear line."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("known", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"known-deviations file {path}: {error}") from None
    found = KnownDeviations()
    for number, table in enumerate(tables, 1):
        clause, reason, due = _entry(table, number, path)
        found.entries[clause] = {"reason": reason, "link": str(table.get("link", "")), "review_after": due.isoformat()}
        found.review[clause] = due
    return found


def _entry(table: Any, number: int, path: Path) -> tuple[str, str, datetime.date]:
    clause, reason, due = (table.get(name) for name in ("clause", "reason", "review_after"))
    if not isinstance(clause, str) or not isinstance(reason, str) or not isinstance(due, datetime.date):
        raise ValueError(
            f"known-deviations file {path}: entry {number} needs clause and reason (text) and review_after (a date)"
        )
    return clause, reason, due
