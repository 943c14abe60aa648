"""The head of the page and its accounting: what was run, by whom, and where every program went."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .column import FAILING, JUDGED, SIGNS, Column, Result
from .untrusted import Record, clean, listed, mapping, text, texts

PROFILES = ["values", "reverse", "tape", "mutation", "higher-order", "forward", "hooks", "functional", "conventions"]
_BAR = ("pass", "known", "convention", "fail", "unspecified", "ill-posed", "not-claimed", "not-applicable")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the bar of an engine: ``start`` and ``width`` in per mille."""

    status: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Head:
    """One engine's summary."""

    title: str
    oracle: str
    headline: str
    tone: str
    facts: list[tuple[str, str]]
    bar: list[Segment]
    harness: int
    notices: list[str]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table with the engines across; ``empty`` where every engine has none."""

    name: str
    values: list[str]
    note: str = ""

    @property
    def empty(self) -> bool:
        return all(value in ("0", "0 (0.0%)") for value in self.values)


def head(column: Column) -> Head:
    """The summary of a run. A run that was cut gets no share and no verdict but its failures."""
    failing, judged = column.failing, column.judged
    passed = column.counts["pass"]
    headline, tone = _headline(column)
    facts = [
        ("agree", f"{passed:,} of {judged:,} judged" + (f" ({_percent(passed, judged)})" if _share(column) else ""))
    ]
    facts += [("fail", f"{failing:,}"), ("programs", f"{column.total('programs'):,}"), *_run_facts(column)]
    oracle = mapping(column.header, "oracle")
    return Head(
        title=column.title,
        oracle=f"{text(oracle, 'name')} {text(oracle, 'version')}".strip(),
        headline=headline,
        tone=tone,
        facts=facts,
        bar=_bar(column),
        harness=column.counts["harness-error"],
        notices=column.notices,
    )


def _percent(part: int, whole: int) -> str:
    """A share rounded down: 4,999 of 5,000 is not 100 %."""
    return f"{part * 1000 // whole / 10:.1f}%"


def _share(column: Column) -> bool:
    return column.complete and column.judged > 0 and not column.counts["harness-error"]


def _headline(column: Column) -> tuple[str, str]:
    failing, harness = column.failing, column.counts["harness-error"]
    if failing:
        return f"{failing:,} of {column.judged:,} judged behaviours differ", "fail"
    if not column.complete:
        return "The run was cut: nothing is certified", "cut"
    if harness:
        return f"{harness:,} harness errors: nothing is certified", "cut"
    if not column.counts["pass"]:
        return "Nothing was judged", "cut"
    return "Every judged behaviour agrees", "pass"


def _run_facts(column: Column) -> list[tuple[str, str]]:
    end = column.end or {}
    seconds = end.get("seconds")
    rate = end.get("rate")
    facts = [("profile", text(column.header, "profile")), ("seed", text(column.header, "seed"))]
    facts.append(("time", f"{seconds:,.1f} s" if isinstance(seconds, (int, float)) else "not finished"))
    if isinstance(rate, (int, float)):
        facts.append(("rate", f"{rate:,.0f} programs/s"))
    facts.append(("started", _moment(text(column.header, "started"))))
    return [(name, value) for name, value in facts if value]


def _moment(stamp: str) -> str:
    """A time as people write it; anything else as it stands."""
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(?:Z|\+00:00)$", r"\1 \2 UTC", stamp)


def _bar(column: Column) -> list[Segment]:
    counts = dict(column.counts)
    counts["fail"] = column.failing
    whole = sum(counts.get(status, 0) for status in _BAR) or 1
    segments: list[Segment] = []
    start = 0.0
    for status in _BAR:
        width = counts.get(status, 0) * 1000 / whole
        if width:
            segments.append(Segment(status, counts[status], start, width))
        start += width
    return segments


def profile_names(columns: Sequence[Column]) -> list[str]:
    """The profiles that any run has results of, in a fixed order, and those that a certificate always has."""
    seen = {result.profile for column in columns for result in column.results.values() if result.profile}
    return [*PROFILES, *sorted(seen - set(PROFILES))]


def profile_cells(column: Column, names: Iterable[str]) -> list[tuple[str, str, str, str]]:
    """For each profile: an engine's status, its sign, how many of the judged pass, and the same in a word."""
    return [_profile_cell(column, name) for name in names]


def _profile_cell(column: Column, profile: str) -> tuple[str, str, str, str]:
    results = [result for result in column.results.values() if result.profile == profile]
    failing = sum(result.status in FAILING for result in results)
    judged = sum(result.status in JUDGED for result in results)
    passed = sum(result.status == "pass" for result in results)
    broken = any(result.status in ("harness-error", "ill-posed", "unspecified") for result in results)
    if failing:
        return "fail", SIGNS["fail"], f"{passed:,}/{judged:,}", "failed"
    if not judged:
        return "not-claimed", SIGNS["not-claimed"], "", "incomplete" if broken else "not claimed"
    if broken or not column.complete:
        return "unspecified", SIGNS["unspecified"], f"{passed:,}/{judged:,}", "incomplete"
    status = "pass" if passed == judged else "convention" if _differs(results) else "known"
    return status, SIGNS[status], f"{passed:,}/{judged:,}", "certified" if status == "pass" else status


def _differs(results: list[Result]) -> bool:
    return any(result.status == "convention" for result in results)


_STATUS_WORDS = {
    "pass": "agree on every program",
    "fail": "differ on at least one program",
    "crash": "the engine died",
    "hang": "the engine did not answer in time",
    "memory": "the engine ran out of its memory",
    "known": "listed by the adopter as a known deviation",
    "convention": "another choice at a point where mathematics leaves one",
    "unspecified": "not compared: the specification is silent",
    "ill-posed": "not compared: rounding alone could decide it",
    "not-claimed": "the engine does not offer this; never counted as agreement",
    "not-applicable": "has no meaning for this kind of engine",
    "harness-error": "the suite itself failed here; no verdict on the engine",
}


def accounting(columns: Sequence[Column]) -> list[Line]:
    """Where every result and every program went."""
    lines = [
        Line(f"{SIGNS[status]} {status}", [f"{column.counts[status]:,}" for column in columns], words)
        for status, words in _STATUS_WORDS.items()
    ]
    for name, words in (
        ("programs", "random programs run on both engines"),
        ("witnessed", "programs in which the situation that the clause speaks of did arise"),
        ("filtered", "programs drawn and set aside before they were run"),
        ("ill_posed", "programs whose comparison rounding alone could decide"),
        ("unspecified", "programs whose outcome the specification leaves open"),
    ):
        lines.append(Line(f"programs {name.replace('_', ' ')}".replace("programs programs", "programs"),
                          [_counted(column, name) for column in columns], words))  # fmt: skip
    lines.append(
        Line("claims", [_claimed(column) for column in columns], "operators by number; all in the results file")
    )
    for name in ("suite", "python", "platform"):
        lines.append(Line(name, [text(column.header, name) for column in columns]))
    lines.append(Line("digest", [text(column.end or {}, "digest", "none: the run was cut")[:16] for column in columns]))
    return lines


def _claimed(column: Column) -> str:
    """Claims as a person reads them: abilities, dtypes, how many operators."""
    claims = texts(mapping(column.header, "backend"), "claims")
    dtypes = [name.partition(":")[2] for name in claims if name.startswith("dtype:")]
    operators = [name.partition(":")[2] for name in claims if name.startswith("op:")]
    rest = [name for name in claims if not name.startswith(("dtype:", "op:"))]
    parts = [", ".join(rest)]
    parts.append("all dtypes" if "*" in dtypes else ", ".join(dtypes))
    parts.append("all operators" if "*" in operators else f"{len(operators)} operators" if operators else "")
    return clean(" · ".join(part for part in parts if part), 1_000)


def _counted(column: Column, name: str) -> str:
    total, programs = column.total(name), column.total("programs")
    share = f" ({total / programs:.1%})" if name != "programs" and programs and column.complete else ""
    return f"{total:,}{share}"


@dataclass(frozen=True, slots=True)
class Note:
    """Something to account for by name: a known deviation, a harness error, drift, an oracle fault."""

    engine: str
    id: str
    message: str
    link: str = ""
    review: str = ""


def known(columns: Sequence[Column]) -> list[Note]:
    """The known deviations that were met, with the adopter's reason."""
    return [
        Note(column.title, result.id, text(result.known, "reason") or result.message, _link(result), _review(result))
        for column in columns
        for result in column.results.values()
        if result.status == "known"
    ]


def _link(result: Result) -> str:
    link = text(result.known, "link")
    return link if link.startswith(("https://", "http://")) else ""


def _review(result: Result) -> str:
    return text(result.known, "review_after")


def harness_errors(columns: Sequence[Column]) -> list[Note]:
    """Where the suite itself failed."""
    return [
        Note(column.title, result.id, result.message)
        for column in columns
        for result in column.results.values()
        if result.status == "harness-error"
    ]


def others(columns: Sequence[Column], name: str) -> list[Note]:
    """The drift (``drift``) or oracle-fault (``faults``) records of all columns."""
    notes: list[Note] = []
    for column in columns:
        records: list[Record] = listed(getattr(column, name))
        for record in records:
            rest = [
                f"{key}: {value}" for key, value in record.items() if key not in ("type", "id", "script", "program")
            ]
            notes.append(Note(column.title, text(record, "id"), "; ".join(rest)))
    return notes
