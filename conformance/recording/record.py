"""Results files: JSON lines, written one by one and flushed, so that a run that is killed keeps what it had."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

FORMAT = 1
STATUSES = (
    "pass",
    "fail",
    "known",
    "not-claimed",
    "not-applicable",
    "ill-posed",
    "unspecified",
    "convention",
    "crash",
    "hang",
    "memory",
    "harness-error",
)
FINDING_STATUSES = frozenset({"fail", "crash", "hang", "memory"})

Record = dict[str, Any]

_NEEDED: dict[str, dict[str, type]] = {
    "run": {"format": int, "backend": dict, "oracle": dict},
    "result": {"id": str, "status": str},
    "finding": {"id": str, "result": str},
}


class RecordError(ValueError):
    """A results file that can't be used. The message is one line, for a person."""


class Recorder:
    """Appends records to a file. The file is begun afresh unless ``resume``."""

    def __init__(self, path: Path | str, *, resume: bool = False) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = self.path.open("a" if resume else "w", encoding="utf-8", newline="\n")

    def write(self, record: Record) -> None:
        """One record, on the disk when this returns (as far as the operating system is concerned)."""
        # ASCII: a lone surrogate in an engine's message has no UTF-8 form, and U+2028 ends a line for some readers.
        self._file.write(json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class Run:
    """One results file, read. ``notices`` are lines for the reader: what was cut, what was skipped."""

    path: Path
    header: Record
    results: dict[str, Record] = field(default_factory=dict[str, Record])
    findings: dict[str, Record] = field(default_factory=dict[str, Record])
    others: list[Record] = field(default_factory=list[Record])
    end: Record | None = None
    notices: list[str] = field(default_factory=list[str])

    @property
    def complete(self) -> bool:
        """Whether the run came to its end: without it no share of anything may be shown."""
        return self.end is not None

    def counts(self) -> dict[str, int]:
        """How many results have each status."""
        return dict(Counter(str(result["status"]) for result in self.results.values()))

    def records(self) -> list[Record]:
        """The records again, in the file's order of kinds."""
        end = [self.end] if self.end else []
        return [self.header, *self.results.values(), *self.findings.values(), *self.others, *end]


def read(path: Path | str) -> Run:
    """A results file. Raises RecordError, in one line, when it is missing, of another format or damaged inside.

    A last line that was cut off is dropped and noted: it is what a killed run leaves behind.
    """
    path = Path(path)
    records, notices = _parse(path)
    if not records or records[0].get("type") != "run":
        raise RecordError(f"{path}: not a results file: its first line is no 'run' record")
    if records[0].get("format") != FORMAT:
        raise RecordError(f"{path}: format {records[0].get('format')!r}; this release reads format {FORMAT}")
    run = Run(path, records[0], notices=notices)
    for record in records[1:]:
        _take(run, record)
    if run.end is None:
        run.notices.append(f"{path}: the run was cut before its end ({len(run.results)} results kept)")
    return run


def _parse(path: Path) -> tuple[list[Record], list[str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror or error}") from None
    lines = text.split("\n")
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=0)
    records: list[Record] = []
    for number, line in enumerate(lines[:last], 1):
        if not line.strip():
            continue
        record = _parse_line(line)
        if record is not None:
            _validate(record, path, number)
            records.append(record)
        elif number == last and records:
            return records, [f"{path}: line {number} is cut off; the {len(records)} records before it were read"]
        else:
            raise RecordError(f"{path}: line {number} is not a record (a JSON object with a known 'type')")
    return records, []


def _parse_line(line: str) -> Record | None:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    record = cast(Record, value)
    return record if isinstance(record.get("type"), str) else None


def _validate(record: Record, path: Path, number: int) -> None:
    for name, kind in _NEEDED.get(record["type"], {}).items():
        if not isinstance(record.get(name), kind):
            raise RecordError(f"{path}: line {number}: a {record['type']} record needs {name!r} ({kind.__name__})")
    if record["type"] == "result" and record["status"] not in STATUSES:
        raise RecordError(f"{path}: line {number}: unknown status; the known ones are {', '.join(STATUSES)}")


def _take(run: Run, record: Record) -> None:
    kind = record["type"]
    if kind == "result":
        run.results[record["id"]] = record
    elif kind == "finding":
        run.findings[record["id"]] = record
    elif kind == "end":
        run.end = record
    elif kind != "run":
        run.others.append(record)


def digest(records: Iterable[Record]) -> str:
    """A name for what was run and judged: programs, clauses, verdicts and kinds; never a float, a time or an order."""
    lines = sorted(_digest_line(record) for record in records if record.get("type") in ("result", "finding"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _digest_line(record: Record) -> str:
    # A result's digest names the programs drawn. How far one was shrunk and what the arbiter said hang on its time.
    if record["type"] == "result":
        return json.dumps(["result", record["id"], record.get("digest"), record["status"]])
    return json.dumps(["finding", record["result"], record.get("kind")])


def end_record(records: Sequence[Record], *, seconds: float) -> Record:
    """The closing record of a run: counts by status, programs, rate, digest."""
    results = [record for record in records if record.get("type") == "result"]
    programs = sum(int(record.get("programs") or 0) for record in results)
    return {
        "type": "end",
        "digest": digest(records),
        "counts": dict(Counter(str(record["status"]) for record in results)),
        "programs": programs,
        "seconds": round(seconds, 3),
        "rate": round(programs / seconds, 1) if seconds > 0 else 0.0,
    }


_SAME = ("suite", "profile", "seed")


def merge(runs: Sequence[Run]) -> list[Record]:
    """The shards of one run as one. Raises RecordError when they aren't shards of one run, or judge a clause twice."""
    if not runs:
        raise RecordError("nothing to merge: name at least one results file")
    first = runs[0]
    for run in runs[1:]:
        _check_same_run(first, run)
    merged: list[Record] = [first.header]
    seen: dict[str, Path] = {}
    for run in runs:
        for identity in run.results:
            if identity in seen:
                raise RecordError(f"{run.path}: {identity} was judged in {seen[identity]} already")
            seen[identity] = run.path
        merged += run.results.values()
    for run in runs:
        merged += [*run.findings.values(), *run.others]
    if all(run.complete for run in runs):
        merged.append(end_record(merged, seconds=sum(_seconds(run) for run in runs)))
    return merged


def _seconds(run: Run) -> float:
    return float((run.end or {}).get("seconds") or 0.0)


def _check_same_run(first: Run, other: Run) -> None:
    for name in _SAME:
        if first.header.get(name) != other.header.get(name):
            raise RecordError(f"{other.path}: another {name} than {first.path}: these are not shards of one run")
    for side in ("backend", "oracle"):
        mine, theirs = (tuple(run.header[side].get(key) for key in ("name", "version")) for run in (first, other))
        if mine != theirs:
            raise RecordError(f"{other.path}: {side} {theirs} where {first.path} has {mine}")
