"""Clauses: one decorated test function states one documented behaviour.

    @clause("backward.fan-out-sums", "A tensor used several times gets the sum of all uses' gradients.",
            source="torch.autograd.backward", area="backward", profile="tape")
    def test_fan_out(check, programs=generate(fan_out)):
        check(programs)

``check`` draws programs, runs each on the backend and on the oracle, compares, and fails with the smallest program
that differs. ``witness`` is a predicate on the oracle's trace: did the situation really arise?
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ..drawing.build import Builder
from ..drawing.source import Source
from ..programs.program import Program
from ..programs.trace import Trace

Witness = Callable[[Trace], bool]
F = TypeVar("F", bound=Callable[..., None])


def finished(trace: Trace) -> bool:
    """The default witness: nothing raised."""
    return not any(True for _ in trace.raised())


def raises(trace: Trace) -> bool:
    """The witness of an error clause: something raised."""
    return any(True for _ in trace.raised())


@dataclass(frozen=True, slots=True)
class Clause:
    """What the decorator knows. ``profile`` names the certificate's profile the clause belongs to."""

    id: str
    sentence: str
    source: str
    area: str
    profile: str
    witness: Witness
    needs: frozenset[str]
    convention: bool


@dataclass(frozen=True, slots=True)
class Programs:
    """A generator of programs: ``build(builder)`` appends the steps. ``dtypes`` are drawn from, simplest first."""

    build: Callable[[Builder], Any]
    dtypes: tuple[str, ...] = ("float32", "float64")

    def draw(self, source: Source) -> Program:
        b = Builder(source, self.dtypes[source.choose(len(self.dtypes))])
        self.build(b)
        return b.program()


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a program can't say: ``run(engine namespace, drawn)`` returns plain observations, compared as they are.

    An exception is an observation too. ``draw`` makes plain data from a builder's draws.
    """

    run: Callable[[Any, Any], Any]
    draw: Callable[[Builder], Any]


def generate(build: Callable[[Builder], Any], dtypes: tuple[str, ...] = ("float32", "float64")) -> Programs:
    """Programs from a function of a builder."""
    return Programs(build, dtypes)


def scenario(run: Callable[[Any, Any], Any], draw: Callable[[Builder], Any] = lambda b: None) -> Scenario:
    """A scenario from a function of the engine's namespace and drawn data."""
    return Scenario(run, draw)


def clause(
    id: str,
    sentence: str,
    *,
    source: str,
    area: str | None = None,
    profile: str = "tape",
    witness: Witness = finished,
    needs: tuple[str, ...] = (),
    convention: bool = False,
) -> Callable[[F], F]:
    """Marks a test function as the clause of a documented behaviour. ``needs`` adds to what its programs need."""

    def mark(function: F) -> F:
        where = area or id.partition(".")[0]
        stated = Clause(id, sentence, source, where, profile, witness, frozenset(needs), convention)
        function.clause = stated  # type: ignore[attr-defined]
        return function

    return mark


def clause_functions() -> Iterator[Any]:
    """The decorated test functions of all clause files. Imports no engine."""
    package = importlib.import_module("..clauses", __package__)
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        if found.name.startswith("test_"):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            yield from (f for f in vars(module).values() if hasattr(f, "clause"))
