"""Which clauses run: not what a cut run recorded whole already, and of this shard only."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from .record import Record, Recorder, RecordError, read

_SAME = ("suite", "profile", "seed")


def kept(path: Path) -> list[Record]:
    """The header and all results of a cut file, each after its findings; [] where there is no file.

    Findings are written before their result: those of a result that isn't there are run again. Raises RecordError.
    """
    if not path.exists() or not path.stat().st_size:
        return []
    run = read(path)
    of_results = [f for f in (*run.findings.values(), *run.others) if f.get("result") in run.results]
    return [run.header, *of_results, *run.results.values()]


def check_same_run(header: Record, fresh: Record, path: Path) -> None:
    """Raises RecordError where the file is of another run than the one that wants to go on."""
    for name in _SAME:
        if header.get(name) != fresh.get(name):
            raise RecordError(f"{path}: {name} {header.get(name)!r} there, {fresh.get(name)!r} here: not the same run")
    for side in ("backend", "oracle"):
        theirs, mine = (line[side].get("name") for line in (header, fresh))
        if theirs != mine:
            raise RecordError(f"{path}: {side} {theirs} there, {mine} here: not the same run")


def begin(path: Path, fresh: Record) -> tuple[Recorder, list[Record]]:
    """A recorder that goes on where the file stopped, and the records that it holds."""
    records = kept(path)
    if not records:
        recorder = Recorder(path)
        recorder.write(fresh)
        return recorder, []
    check_same_run(records[0], fresh, path)
    rewritten = path.with_name(path.name + ".new")
    with Recorder(rewritten) as recorder:
        for record in records:
            recorder.write(record)
    os.replace(rewritten, path)
    return Recorder(path, resume=True), records[1:]


def done(path: Path) -> frozenset[str]:
    """The ids that need not run again."""
    return frozenset(str(r["id"]) for r in kept(path) if r["type"] == "result")


def shard(text: str | None) -> tuple[int, int] | None:
    """(which, of how many), counted from 1. Raises ValueError."""
    if text is None:
        return None
    which, _, many = text.partition("/")
    if which.isdecimal() and many.isdecimal() and 1 <= int(which) <= int(many):
        return int(which), int(many)
    raise ValueError(f"--shard {text!r}: expected I/N with I from 1 to N, such as 2/8")


def is_wanted(id: str, done: frozenset[str], part: tuple[int, int] | None) -> bool:
    """Whether a clause is to be run: not done yet, and of this shard (by its id alone, so that parts never overlap)."""
    mine = part is None or zlib.crc32(id.encode()) % part[1] == part[0] - 1
    return mine and id not in done
