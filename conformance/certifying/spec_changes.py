"""What another release of the oracle changed: today's oracle is judged by it, clause by clause."""

from __future__ import annotations

import sys
from pathlib import Path

from ..recording.record import FINDING_STATUSES, Record, Run
from .environments import Engine, prepare
from .run import Options, UsageError, certify


def find(
    other: str,
    python: str | None,
    stated: str,
    profile: str,
    keyword: str | None,
    workers: str | None,
    output: Path,
) -> tuple[list[Record], Run]:
    """(the clauses that differ, the run). Raises UsageError, or NotInstalled where the release can't be had."""
    spec, python = _release(other, python)
    options = Options(
        backend=stated,
        oracle=spec,
        profile=profile,
        examples=None,
        seed=None,
        known=None,
        keyword=keyword,
        workers=workers,
        output=output,
        quiet=True,
        more=("--oracle-python", python),
    )
    run, _ = certify(options)
    return [_change(run, result) for result in run.results.values() if _changed(result)], run


def _release(other: str, python: str | None) -> tuple[str, str]:
    """(the backend's name, the interpreter that has it) of ``torch==X``, in an environment of its own."""
    name, _, version = other.partition("==")
    if python is not None or not version:
        return name, python or sys.executable
    spec, made = prepare(Engine(f"{name}-{version}", name, (other,)))
    if made is None:
        raise UsageError(f"{other}: not an engine in Python")
    return spec, made


def _changed(result: Record) -> bool:
    return result["status"] in FINDING_STATUSES or result["status"] == "convention"


def _change(run: Run, result: Record) -> Record:
    scripts = [run.findings[name].get("script") for name in result.get("findings", ()) if name in run.findings]
    return {
        "id": result["id"],
        "sentence": result.get("sentence"),
        "message": result.get("message"),
        "script": next(iter(scripts), None),
    }
