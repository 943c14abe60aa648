"""What a clause says, with an example program and what engines make of it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

from ..promises.clause import Programs, clause_functions
from ..recording.record import Record


class ExplainError(ValueError):
    """There is no such clause; the message is one line."""


def explain(name: str, engines: list[str], seed: int = 0) -> Record:
    """A clause's words and, where it is about programs, one drawn program and its trace on each engine."""
    stated, function = _find(name)
    told: Record = {key: getattr(stated, key) for key in ("id", "sentence", "source", "area", "profile")}
    programs: Any = next(
        (p.default for p in inspect.signature(function).parameters.values() if _draws(p.default)), None
    )
    if programs is None:
        return told
    from ..drawing.source import Stream, mix
    from ..searching.script import script

    program = programs.draw(Stream(mix(seed)))
    return {**told, "script": script(program), "traces": {engine: _trace(engine, program) for engine in engines}}


def _find(name: str) -> tuple[Any, Callable[..., None]]:
    known = {function.clause.id: (function.clause, function) for function in clause_functions()}
    if name in known:
        return known[name]
    from difflib import get_close_matches

    near = get_close_matches(name, known, 3, 0.4)
    hint = f"; near ones are {', '.join(near)}" if near else ""
    raise ExplainError(f"no clause {name!r}{hint}; `refgrad list clauses` has them all")


def _draws(default: object) -> bool:
    return isinstance(default, Programs)


def _trace(engine: str, program: Any) -> Any:
    from ..backends import BrokenBackend, collecting_warnings, load, missing
    from ..programs.needs import needs
    from ..programs.trace import encode_trace

    try:
        backend = load(engine)
    except BrokenBackend as error:
        return str(error)
    lacking = missing(backend, needs(program))
    if lacking:
        return f"not claimed: {', '.join(lacking)}"
    with collecting_warnings():
        return encode_trace(backend.execute(program))


def describe(told: Record) -> str:
    """An explanation as text."""
    lines = [told["id"], "", f"  {told['sentence']}", f"  source: {told['source']}", ""]
    if "script" not in told:
        return "\n".join([*lines, "  a scenario: not said as a program"])
    lines += ["  for example", "", *("    " + line for line in told["script"].splitlines()), ""]
    for engine, trace in told["traces"].items():
        lines.append(f"  on {engine}")
        lines += [f"    {line}" for line in _steps(trace)]
    return "\n".join(lines)


def _steps(trace: Any) -> Iterator[str]:
    if isinstance(trace, str):
        yield trace
        return
    for number, outcome in enumerate(trace["steps"]):
        if outcome is not None:
            yield f"v{number}: {_brief(outcome)}"
    for leaf, gradient in trace["gradients"].items():
        yield f"v{leaf}.grad: {_brief(gradient)}"


def _brief(outcome: Any) -> str:
    if isinstance(outcome, dict) and "values" in outcome:
        return f"{outcome['dtype']}{outcome['shape']} {json.dumps(outcome['values'])}"[:160]
    return json.dumps(outcome)[:160]
