"""What to fix first: the findings of one cause together, the gravest and widest cause on top."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .column import FAILING, Column
from .finding import TO_FIX
from .matrix import finding_anchor
from .untrusted import Record, clean, count, entries, listed, number, text

SHOWN, LONGEST = 8, 12
_NAMESPACES = ("nn.functional.", "linalg.", "special.", "fft.")
_PREAMBLE = ("import ", "from ", "engine = ", "op = ")
# How grave a kind is: a process that dies stops everything, a wrong number is silent, an error is loud.
_TIERS = (("crash", "hang", "memory"), ("value", "law", "order", "death"), ("shape", "dtype", "type", "error"))
_WORDS = {
    "crash": "the process dies",
    "hang": "no answer comes",
    "memory": "memory runs out",
    "value": "the numbers are wrong",
    "law": "a law of calculus is broken",
    "order": "things happen in another order",
    "death": "values live too long, or die too soon",
    "shape": "the shape is wrong",
    "dtype": "the dtype is wrong",
    "error": "it raises where it should not, or does not where it should",
    "message": "the error says something else",
    "warning": "the warnings differ",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """``results`` behaviours of one engine fail by it; ``anchor`` leads to the smallest program that shows it. The
    ``subject`` names an operator by all names and overloads that fail alike: ``det, linalg.det``."""

    subject: str
    words: str
    kind: str
    engine: str
    results: int
    programs: int
    anchor: str
    query: str
    script: str
    settled: bool


def rank(columns: Sequence[Column]) -> list[Cause]:
    """The causes of all failures: deaths first, then wrong numbers, then the rest; the widest first within each."""
    causes = [cause for position, column in enumerate(columns) for cause in _causes(column, position)]
    return sorted(causes, key=lambda cause: (_tier(cause.kind), not cause.settled, -cause.results, -cause.programs))


def _tier(kind: str) -> int:
    return next((tier for tier, kinds in enumerate(_TIERS) if kind in kinds), len(_TIERS))


def _causes(column: Column, position: int) -> Iterable[Cause]:
    together: dict[tuple[str, str], list[tuple[str, Record]]] = {}
    for record in column.findings.values():
        result = column.results.get(text(record, "result"))
        if result and result.status in FAILING and text(record, "verdict", "undecided") in TO_FIX:
            subject = _subject(record, column)
            shared = subject if subject == clean(result.id, 80) else _base(subject)
            together.setdefault((shared, _kind(record, result.status)), []).append((subject, record))
    for (_, kind), found in together.items():
        yield _cause(sorted({subject for subject, _ in found}), kind, [record for _, record in found], column, position)


def _base(operator: str) -> str:
    """What the names of an operator have in common: ``det`` of ``linalg.det``, ``std`` of ``std.dim``."""
    bare = next((operator.removeprefix(name) for name in _NAMESPACES if operator.startswith(name)), operator)
    return bare.partition(".")[0]


def _cause(names: list[str], kind: str, records: list[Record], column: Column, position: int) -> Cause:
    face = min(records, key=lambda record: (len(_steps(record)), len(text(record, "script")), text(record, "id")))
    return Cause(
        subject=", ".join(names),
        words=_WORDS.get(kind, f"another {kind}"),
        kind=kind,
        engine=column.title,
        results=len({text(record, "result") for record in records}),
        programs=sum(max(1, count(record, "count")) for record in records),
        anchor=finding_anchor(text(face, "id"), position),
        query=_query(names, column) if _of_operator(records, column) else "",
        script=_short(text(face, "script")) or clean(text(face, "message"), 300),
        settled=any(text(record, "verdict") in ("backend", "both") for record in records),
    )


def _query(names: list[str], column: Column) -> str:
    return " ".join((f'engine:"{column.title}"', *(f"operator:{name}" for name in names), "is:failing"))


def _of_operator(records: list[Record], column: Column) -> bool:
    return len(records) > 1 and any(column.results[text(record, "result")].kind == "operator" for record in records)


def _kind(record: Record, status: str) -> str:
    return status if status != "fail" else text(record, "kind", "other")


def _subject(record: Record, column: Column) -> str:
    """The operator that is at fault where one is: of the property, or called by the step that differs."""
    result = column.results[text(record, "result")]
    if result.kind == "operator":
        return clean(result.operator, 80)
    steps, at = _steps(record), number(record, "step")
    step = entries(steps[int(at)]) if at is not None and 0 <= at < len(steps) else {}
    called = list(dict.fromkeys(filter(None, (text(entries(other), "op") for other in steps))))
    return clean(text(step, "op") or (called[0] if len(called) == 1 else result.id), 80)


def _steps(record: Record) -> list[object]:
    return listed(entries(record.get("program")).get("steps"))


def _short(script: str) -> str:
    """A script without what every script begins with, where the rest is short enough to be read in passing."""
    lines = [line for line in script.splitlines() if line.strip() and not line.startswith(_PREAMBLE)]
    return "\n".join(line if len(line) <= 150 else line[:149] + "…" for line in lines) if len(lines) <= LONGEST else ""
