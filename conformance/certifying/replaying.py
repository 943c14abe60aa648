"""Runs a recorded finding's program again, on the same two engines or on others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..judging.judge import Law
from ..recording.record import Record, Run


class ReplayError(ValueError):
    """The finding can't be replayed; the message is one line."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a program shows now. ``status`` is the judge's word: same, different, ill-posed or unspecified."""

    finding: str
    clause: str
    status: str
    script: str
    message: str
    backend_saw: Any
    oracle_saw: Any


def find(run: Run, name: str) -> Record:
    """The finding of a name, or of the result of that name. Raises ReplayError naming those there are."""
    for finding in run.findings.values():
        if name in (finding["id"], finding["result"]):
            return finding
    known = ", ".join(list(run.findings)[:5]) or "none"
    more = f" and {len(run.findings) - 5} more" if len(run.findings) > 5 else ""
    raise ReplayError(f"{run.path}: no finding {name!r}; it has {known}{more}")


def replay_all(run: Run, backend: str, oracle: str, python: str | None = None) -> Iterator[tuple[str, str]]:
    """(id, status) of each finding of a run; one without a program is ``not replayable``. Raises ReplayError."""
    for finding in run.findings.values():
        if finding.get("program") is None:
            yield finding["id"], "not replayable"
        else:
            yield finding["id"], replay(finding, backend, oracle, python).status


def replay(finding: Record, backend: str, oracle: str, python: str | None = None) -> Replay:
    """Judges a finding's program. Raises ReplayError where the program isn't valid or an engine can't be had."""
    from ..backends import BrokenBackend, UnknownBackend, collecting_warnings
    from ..judging.judge import Judge
    from ..programs.codec import BadProgram, decode_program
    from ..searching.finding import seen, shown_step, source_of

    try:
        program = decode_program(finding.get("program"))
        engine, reference = engines(backend, oracle, python)
    except (BadProgram, BrokenBackend, UnknownBackend) as error:
        raise ReplayError(str(error).strip("'\"")) from None
    with collecting_warnings():
        judgement = Judge(engine, reference).judge(program, _law(str(finding["result"])))
    found = judgement.divergence
    shown = shown_step(program, found) if found else None
    return Replay(
        finding=finding["id"],
        clause=finding["result"],
        status=judgement.status,
        script=source_of(program, engine, shown=shown),
        message=found.message if found else "both engines agree on it",
        backend_saw=seen(found.backend) if found else None,
        oracle_saw=seen(found.oracle) if found else None,
    )


def _law(result: str) -> Law | None:
    """What an operator's property asks of a program beside the oracle's answer."""
    from ..promises.properties import PROPERTIES

    kind = PROPERTIES.get(result.rpartition("/")[2]) if result.startswith("op/") else None
    return kind.law if kind else None


@cache
def engines(backend: str, oracle: str, python: str | None) -> tuple[Any, Any]:
    """The two engines, started once."""
    from ..backends import load

    return load(backend, python), load(oracle)


def describe(done: Replay, backend: str, oracle: str) -> str:
    """A replay as text."""
    lines = [
        f"{done.clause}: {done.status}",
        "",
        *("    " + line for line in done.script.splitlines()),
        "",
        done.message,
    ]
    for name, saw in ((backend, done.backend_saw), (oracle, done.oracle_saw)):
        if saw is not None:
            lines.append(f"  {name} gave: {json.dumps(saw)[:400]}")
    return "\n".join(lines)
