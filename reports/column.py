"""One results file as one column of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .untrusted import Record, clean, count, mapping, number, tame, text, texts

# Worst first: a group shows its worst member.
STATUSES = (
    "crash",
    "hang",
    "memory",
    "fail",
    "convention",
    "known",
    "pass",
    "unspecified",
    "ill-posed",
    "not-claimed",
    "not-applicable",
    "harness-error",
)
FAILING = frozenset({"crash", "hang", "memory", "fail"})
JUDGED = FAILING | {"pass", "convention", "known"}
SIGNS = {
    "pass": "✓",
    "fail": "✗",
    "crash": "✗",
    "hang": "✗",
    "memory": "✗",
    "known": "≈",
    "convention": "◇",
    "unspecified": "?",
    "ill-posed": "~",
    "not-claimed": "–",
    "not-applicable": "·",
    "harness-error": "⚠",
}


# Fields that no part of the page shows: cleaning them would take half of the reading time of a large run.
_UNREAD = ("seen", "needs", "digest")


@dataclass(frozen=True, slots=True)
class Result:
    """One clause, or one property of one operator, judged on one engine."""

    id: str
    kind: str
    group: str
    operator: str
    property: str
    sentence: str
    source: str
    profile: str
    status: str
    programs: int
    witnessed: int
    filtered: int
    ill_posed: int
    unspecified: int
    seconds: float
    headroom: float | None
    message: str
    known: Record
    findings: tuple[str, ...]


@dataclass(slots=True)
class Column:
    """A run: who was judged, by whom, and everything found."""

    title: str
    header: Record
    short: str = ""
    results: dict[str, Result] = field(default_factory=dict[str, Result])
    findings: dict[str, Record] = field(default_factory=dict[str, Record])
    faults: list[Record] = field(default_factory=list[Record])
    drift: list[Record] = field(default_factory=list[Record])
    end: Record | None = None
    notices: list[str] = field(default_factory=list[str])
    file: str = "results.jsonl"

    @property
    def complete(self) -> bool:
        return self.end is not None

    @property
    def counts(self) -> Counter[str]:
        return Counter(result.status for result in self.results.values())

    @property
    def failing(self) -> int:
        return sum(self.counts[status] for status in FAILING)

    @property
    def judged(self) -> int:
        return sum(self.counts[status] for status in JUDGED)

    def total(self, name: str) -> int:
        """A count summed over the results: ``programs``, ``witnessed``, ``filtered`` …"""
        return sum(int(getattr(result, name)) for result in self.results.values())

    def kinds(self, result: Result) -> list[str]:
        """The kinds of what was found about a result, each once."""
        records = (self.findings.get(name) for name in result.findings)
        return list(dict.fromkeys(text(record, "kind") for record in records if record))


def read_result(record: Record) -> Result:
    """A result record, whatever the types of its fields."""
    kind = "operator" if text(record, "kind") == "operator" else "clause"
    status = text(record, "status")
    return Result(
        id=text(record, "id"),
        kind=kind,
        group=text(record, "area" if kind == "clause" else "family") or "other",
        operator=text(record, "operator") or "other",
        property=text(record, "property"),
        sentence=text(record, "sentence"),
        source=text(record, "source"),
        profile=clean(text(record, "profile"), 40),
        status=status if status in STATUSES else "harness-error",
        programs=count(record, "programs"),
        witnessed=count(record, "witnessed"),
        filtered=count(record, "filtered"),
        ill_posed=count(record, "ill_posed"),
        unspecified=count(record, "unspecified"),
        seconds=number(record, "seconds") or 0.0,
        headroom=number(record, "headroom"),
        message=text(record, "message"),
        known=mapping(record, "known"),
        findings=tuple(texts(record, "findings")),
    )


def read_column(records: Iterable[Record], notices: Sequence[str] = (), file: str = "results.jsonl") -> Column:
    """A column from the records of one results file."""
    column = Column("", {}, notices=[str(tame(notice)) for notice in notices], file=str(tame(file)))
    for raw in records:
        unread = _UNREAD if raw.get("type") == "result" else ()
        record: Record = tame({key: value for key, value in raw.items() if key not in unread})
        kind = text(record, "type")
        if kind == "run":
            column.header = record
        elif kind == "result":
            result = read_result(record)
            column.results[result.id] = result
        elif kind == "finding":
            column.findings[text(record, "id")] = record
        elif kind == "end":
            column.end = record
        elif kind in ("oracle-fault", "drift"):
            (column.faults if kind == "oracle-fault" else column.drift).append(record)
    backend = mapping(column.header, "backend")
    name, version = text(backend, "name", "unknown"), text(backend, "version")
    column.title = f"{clean(name, 40)} {clean(version, 40)}".strip()
    column.short = clean(name, 40)
    return column


def distinguish(columns: Sequence[Column]) -> None:
    """Gives columns of the same engine and version different titles; the short name stays where it is alone."""
    seen: Counter[str] = Counter()
    names = Counter(column.title for column in columns)
    engines = Counter(column.short for column in columns)
    for column in columns:
        alone = engines[column.short] == 1
        if names[column.title] > 1:
            seen[column.title] += 1
            column.title = f"{column.title} ({seen[column.title]})"
        column.short = column.short if alone else column.title
