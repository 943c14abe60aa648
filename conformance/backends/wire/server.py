"""What runs beside a Python engine: ``python -m conformance.backends.wire.server NAME`` answers on standard output.
Words after the name are modules to import first.

The engine's own prints go to standard error: the descriptor behind standard output is taken away before it is loaded.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, BinaryIO

from ...programs.codec import BadProgram, decode_program
from .. import Backend, BrokenBackend, UnknownBackend, collecting_warnings, load, shown
from . import messages, traces

ROOT = str(__package__).partition(".")[0]


def serve(backend: Backend, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers requests until the other side ends."""
    with collecting_warnings():
        for line in iter(requests.readline, b""):
            request = messages.read(line, messages.REQUESTS)
            if request["type"] == "bye":
                return
            answer = _answer(backend, request)
            is_last = getattr(backend, "ruined", False)
            answers.write(messages.write({**answer, "last": True} if is_last else answer))
            answers.flush()
            if is_last:
                return


def _answer(backend: Backend, request: dict[str, Any]) -> dict[str, Any]:
    if request["type"] == "hello":
        if getattr(backend, "limits_memory", True):
            limit_memory(request.get("memory"))
        who = {"name": backend.name, "version": backend.version, "family": backend.family}
        module = getattr(getattr(backend, "ns", None), "__name__", None)
        return {
            "type": "hello",
            "protocol": messages.VERSION,
            **who,
            "module": module,
            "compiles": getattr(backend, "compiles", "no"),
            "claims": sorted(backend.claims),
        }
    try:
        return {"id": request["id"], **_ACTIONS[request["type"]](backend, request)}
    except MemoryError as error:
        return {"type": "died", "id": request["id"], "kind": "memory", "message": f"MemoryError: {error}"[:300]}
    except BadProgram as error:
        return {"type": "died", "id": request["id"], "kind": "crash", "message": f"refused: {error}"[:300]}


def _run(backend: Backend, request: dict[str, Any]) -> dict[str, Any]:
    trace = backend.execute(decode_program(request["program"]), request["noise"])
    refused = next((r.message for _, r in trace.raised() if is_out_of_memory(r.message)), None)
    if refused is not None:
        raise MemoryError(refused)
    return {"type": "trace", "trace": traces.encode(trace)}


def is_out_of_memory(message: str) -> bool:
    """Whether an engine's words say that memory was refused: NumPy's, PyTorch's, the C++ library's."""
    words = ("Unable to allocate", "can't allocate memory", "std::bad_alloc", "out of memory")
    return any(text in message for text in words)


def _scenario(backend: Backend, request: dict[str, Any]) -> dict[str, Any]:
    module, _, name = request["run"].partition(":")
    if module.partition(".")[0] != ROOT:
        raise BadProgram(f"a scenario is a function of {ROOT}, not of {module!r}")
    run: Any = import_module(module)
    try:
        for part in name.split("."):
            run = getattr(run, part)
        data = ast.literal_eval(request["data"])
    except (AttributeError, ValueError, SyntaxError) as error:
        raise BadProgram(f"no scenario: {error}") from None
    return {"type": "shown", "text": shown(backend, run, data)}


_ACTIONS: dict[str, Callable[[Backend, dict[str, Any]], dict[str, Any]]] = {"run": _run, "scenario": _scenario}


def limit_memory(allowed: int | None) -> None:
    """Lets the process grow by ``allowed`` bytes of address space from here on, where the system can limit that."""
    try:
        import resource

        if allowed is not None:
            with open("/proc/self/statm", encoding="ascii") as file:
                used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (used + allowed, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return


def _private_output() -> BinaryIO:
    """Standard output for answers alone: what the engine prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def main(words: list[str]) -> Iterator[str]:
    """Serves the engine that the first word names, the other words imported; yields what went wrong, in a line."""
    answers = _private_output()
    try:
        backend = load(words[0], imports=words[1:])
    except (BrokenBackend, UnknownBackend) as error:
        yield str(error).strip("'\"")
        return
    serve(backend, sys.stdin.buffer, answers)


if __name__ == "__main__":
    for problem in main(sys.argv[1:]):
        sys.exit(problem)
