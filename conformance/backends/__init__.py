"""Backends: how the suite reaches an engine. Nothing outside this package imports one.

A backend is found by a known name, by ``module:object``, by a ``file.py`` (its ``backend`` attribute), through the
entry-point group ``refgrad.backends``, or as ``wire:COMMAND`` (a program that speaks the protocol of ``wire``). The
object is a Backend or a function that returns one. With an interpreter it runs in a process of that interpreter.
``torch:DEVICE`` is PyTorch on a device, ``torch:func`` its function transforms, ``torch:compile[=BACKEND]`` its compiler
(a backend of its own, or ``module:function``).
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from ..programs.program import Program
from ..programs.trace import Trace

KNOWN = ("autograd", "jax", "mlx", "mygrad", "paddle", "refgrad", "tensorflow", "tinygrad", "torch")
GROUP = "refgrad.backends"
ERROR_KINDS = (
    "RuntimeError",
    "TypeError",
    "ValueError",
    "IndexError",
    "NotImplementedError",
    "AttributeError",
    "KeyError",
    "AssertionError",
    "ZeroDivisionError",
    "OverflowError",
    "Other",
)
UNCLAIMED = "Unclaimed"
"""The kind of error by which an engine says, of one program, that it hasn't what the program asks for."""
ASSERTED = "Asserted"
"""A check within a device's kernel failed: which no exception can promise to tell, where the oracle raises one."""


class Backend(Protocol):
    """An engine under test. ``claims`` are capabilities; ``op:*`` and ``dtype:*`` stand for all of their kind.

    ``compiles`` may say that the engine compiles ``per_shape`` or ``per_graph``; without it, it doesn't."""

    name: str
    version: str
    family: str
    claims: frozenset[str]

    def execute(self, program: Program, noise: int | None = None) -> Trace:
        """Runs a program. With ``noise`` (a seed), inexact kernel results are moved by one unit in the last place."""
        ...

    def call(self, run: Callable[[Any, Any], Any], drawn: Any) -> Any:
        """Runs a scenario with the engine's namespace. Raises NotImplementedError where there is none."""
        ...


class UnknownBackend(LookupError):
    """No backend of that name; the message is one line that names the known ones."""


class EngineDied(Exception):
    """The engine's process did not survive a program. ``kind``: crash, hang or memory."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class BrokenBackend(RuntimeError):
    """The backend raised while it was loaded; the message is one line."""


def missing(backend: Backend, needs: frozenset[str]) -> list[str]:
    """The needs that a backend doesn't claim."""
    claims = backend.claims
    return sorted(need for need in needs - claims if f"{need.partition(':')[0]}:*" not in claims)


def compiles(backend: Backend) -> bool:
    """Whether a new shape costs the engine a compilation."""
    return getattr(backend, "compiles", "no") != "no"


def known() -> list[str]:
    """The names that ``load`` takes besides ``module:object`` and files."""
    return sorted({*KNOWN, *(point.name for point in entry_points(group=GROUP))})


def load(spec: str, python: str | None = None, imports: Sequence[str] = ()) -> Backend:
    """The backend that ``spec`` names, here or under another interpreter, after ``imports`` (modules that register
    devices or the like). Raises UnknownBackend or BrokenBackend."""
    if python is not None:
        from .wire import isolated

        return isolated(spec, python, imports=imports)
    find = _finder(spec)
    try:
        for module in imports:
            importlib.import_module(module)
        found = find()
        return found() if isinstance(found, type) or not hasattr(found, "execute") else found
    except (UnknownBackend, BrokenBackend):
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:200]
        raise BrokenBackend(f"backend {spec!r} could not be loaded: {type(error).__name__}: {first}") from error


def check_name(spec: str) -> None:
    """Raises UnknownBackend where nothing of that name can be found; imports nothing."""
    _finder(spec)


def _finder(spec: str) -> Callable[[], Any]:
    for point in entry_points(group=GROUP):
        if point.name == spec:
            return point.load
    if spec in KNOWN:
        return lambda: importlib.import_module(f".{spec}_backend", __name__).backend
    if spec.startswith("torch:"):
        variant = _torch_variant(spec.removeprefix("torch:"))
        if variant is not None:
            return variant
    if spec.startswith("wire:"):
        return lambda: _from_command(spec.removeprefix("wire:"))
    if spec.endswith(".py") and Path(spec).is_file():
        return lambda: _from_file(Path(spec))
    module, colon, attribute = spec.partition(":")
    if colon and module and attribute:
        return lambda: _from_module(module, attribute)
    raise UnknownBackend(
        f"unknown backend {spec!r}: the known ones are {', '.join(known())}; "
        "module:object, a file.py with a `backend` and wire:COMMAND work too"
    )


def _torch_variant(name: str) -> Callable[[], Any] | None:
    """PyTorch in another way than eagerly on the CPU; None where the name is no device's."""
    family, _, choice = name.partition("=")
    if family == "compile":
        return lambda: importlib.import_module(".torch_compile", __name__).backend(choice or "aot_eager")
    if name == "func":
        return lambda: importlib.import_module(".torch_func", __name__).backend()
    if re.fullmatch(r"[a-z][a-z0-9_]*(:[0-9]+)?", name):
        return lambda: importlib.import_module(".torch_device", __name__).backend(name)
    return None


def _from_command(line: str) -> Backend:
    from .wire import Wire

    return Wire(shlex.split(line))


def _from_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UnknownBackend(f"{path} can't be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module.backend


def _from_module(module: str, attribute: str) -> Any:
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def error_kind(error: BaseException, names: Mapping[str, str] | None = None) -> str:
    """The kind of an exception: its class, or the nearest base class that is in the closed list."""
    for base in type(error).__mro__:
        name = (names or {}).get(base.__name__, base.__name__)
        if name in ERROR_KINDS:
            return name
    return "Other"


def shown(engine: Backend, run: Callable[[Any, Any], Any], data: Any) -> str:
    """A scenario's observations as text; an exception is one too. An engine elsewhere is asked for the text."""
    ask = getattr(engine, "shown", None)
    if ask is not None:
        return str(ask(run, data))
    with collecting_warnings():
        try:
            return repr(engine.call(run, data))
        except Exception as error:
            return f"{type(error).__name__}: {error}"


_sinks: list[list[warnings.WarningMessage]] = []


@contextmanager
def collecting_warnings() -> Iterator[None]:
    """Collects all warnings for the traces of the programs run inside (entered once a block: it costs 10 µs)."""
    with warnings.catch_warnings(record=True) as sink:
        warnings.simplefilter("always")
        _sinks.append(sink)
        try:
            yield
        finally:
            _sinks.pop()


def collecting() -> bool:
    return bool(_sinks)


def take_warnings() -> list[tuple[str, str]]:
    """The warnings since the last call."""
    if not _sinks or not _sinks[-1]:
        return []
    taken = [(w.category.__name__, str(w.message)) for w in _sinks[-1]]
    _sinks[-1].clear()
    return taken
