"""Judging one program: run it on both engines, compare, and decide whether a difference in values is only rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import catalogue
from .backends import Backend, EngineDied, missing, shown
from .compare import FACTS, Allowance, Closeness, Divergence, Place, compare
from .compare.tolerance import scaled, spread
from .leafdata import DTYPES, EPS, leaf_array
from .needs import CAPABILITIES, needs
from .program import Backward, Call, Grad, GradOf, Item, Leaf, Observe, Pattern, Program, refs
from .trace import Observed, Outcome, Trace
from .unspecified import depends_on_saved_set, free_steps, without_free_packing

Law = Callable[[Program, Trace], "str | None"]
"""A property that needs no oracle: what is wrong with a trace, or None."""
FEW_NOISY_RUNS, NOISY_RUNS = 2, 8
HIGHER_ORDER_ULPS = 32
_LINEAR_STEPS = (Leaf, Call, Item, Backward, Grad, GradOf, Observe)


@dataclass(slots=True)
class Judgement:
    """``status``: same, different, ill-posed, unspecified, or unclaimed (the oracle raises; errors aren't claimed)."""

    status: str
    oracle: Trace
    divergence: Divergence | None = None
    verdict: str | None = None


@dataclass(slots=True)
class Judge:
    """Compares a backend with an oracle on the facts that both claim."""

    backend: Backend
    oracle: Backend
    facts: frozenset[str] = field(init=False)
    universal: bool = field(init=False)
    errors: bool = field(init=False)
    close: Closeness = field(default_factory=Closeness)

    def __post_init__(self) -> None:
        self.facts = FACTS & self.backend.claims & self.oracle.claims
        self.errors = "errors" in self.backend.claims
        self.universal = self.backend.claims >= CAPABILITIES

    def judge(self, program: Program, law: Law | None = None) -> Judgement:
        """Runs a program on both and compares; then asks a law about what each showed."""
        try:
            mine = self.backend.execute(program)
        except EngineDied as death:
            found = Divergence(death.kind, ("step", max(len(program.steps) - 1, 0), ()), str(death))
            return Judgement("different", Trace(), found, "backend")
        theirs = self.oracle.execute(program)
        if not self.errors and any(True for _ in theirs.raised()):
            return Judgement("unclaimed", theirs)
        judgement = self._compare(program, mine, theirs)
        return judgement if judgement.status != "same" else self._lawful(program, mine, theirs, law)

    def _lawful(self, program: Program, mine: Trace, theirs: Trace, law: Law | None) -> Judgement:
        broken = law(program, mine) if law is not None else None
        if law is None or broken is None:
            return Judgement("same", theirs)
        found = Divergence("law", ("step", len(program.steps) - 1, ()), broken, oracle=None)
        return Judgement("different", theirs, found, "both" if law(program, theirs) else "backend")

    def claimed(self, program: Program) -> bool:
        """Whether the backend claims all that a program needs."""
        return self.universal or not missing(self.backend, needs(program))

    def observe(self, run: Callable[[Any, Any], Any], data: Any) -> tuple[str, str] | None:
        """What the two engines showed in a scenario, as text, where it differs."""
        theirs = shown(self.oracle, run, data)
        try:
            mine = shown(self.backend, run, data)
        except EngineDied as death:
            return f"{death.kind}: {death}", theirs
        return None if mine == theirs else (mine, theirs)

    def _compare(self, program: Program, mine: Trace, theirs: Trace) -> Judgement:
        found = compare(mine, theirs, self.facts, self.close)
        if found is None:
            return Judgement("same", theirs)
        if found.place[0] == "hook" and (free := free_steps(program)):
            parts = [without_free_packing(trace, free) for trace in (mine, theirs)]
            if any(len(part.hooks) < len(whole.hooks) for part, whole in zip(parts, (mine, theirs))):
                rest = self._compare(program, *parts)
                return rest if rest.status == "different" else Judgement("unspecified", theirs, found)
        if found.kind == "value" and found.error_abs is not None:
            return self._reconsider(program, mine, theirs)
        if found.kind in ("error", "message") and depends_on_saved_set(program, found):
            return Judgement("unspecified", theirs, found)
        return Judgement("different", theirs, found)

    def _reconsider(self, program: Program, mine: Trace, theirs: Trace) -> Judgement:
        """Values differ by more than a few ULP: allow for this program's conditioning, the cheapest measure first."""
        found = None
        for allowance in self._allowances(program, theirs):
            close = Closeness(self.close.ulps, 0.0, allowance)
            found = compare(mine, theirs, self.facts, close)
            if found is None:
                self.close.headroom = max(self.close.headroom, close.headroom)
                return Judgement("same", theirs)
        if found is not None and found.kind == "value" and ill_posed(program):
            return Judgement("ill-posed", theirs, found)
        if found is not None and depends_on_saved_set(program, found):
            return Judgement("unspecified", theirs, found)
        return Judgement("different", theirs, found)

    def _allowances(self, program: Program, reference: Trace) -> Iterator[Allowance]:
        """Ever wider, better founded allowances: of a contraction, of a few noisy runs, of all of them."""
        seen = {place: value for place, value in values(reference) if value.dtype in EPS}
        base = self._contraction_allowance(program, seen)
        if base:
            yield base
        floor = _largest(seen.values()) if is_higher_order(program) or cancels(program) else 0.0
        if cancels(program):
            floor = max(floor, largest_leaf(program))
        runs: list[dict[Place, Observed]] = []
        for count in (FEW_NOISY_RUNS, NOISY_RUNS):
            noisy = (self.oracle.execute(program, noise=seed) for seed in range(len(runs), count))
            runs.extend(dict(values(trace)) for trace in noisy)
            yield {
                place: np.fmax(
                    np.fmax(base.get(place, 0.0), HIGHER_ORDER_ULPS * EPS[value.dtype] * floor),
                    spread(value.array, [run[place].array for run in runs if place in run]),
                )
                for place, value in seen.items()
            }

    def _contraction_allowance(self, program: Program, seen: dict[Place, Observed]) -> Allowance:
        if not is_contraction(program):
            return {}
        sizes = dict(values(self.oracle.execute(absolute_program(program))))
        mixing = is_mixing(program)
        return {
            place: scaled(value.array, sizes[place].array, value.dtype, mixing)
            for place, value in seen.items()
            if place in sizes
        }


def values(trace: Trace) -> Iterator[tuple[Place, Observed]]:
    """Every tensor of a trace, with its place."""
    for step, outcome in enumerate(trace.steps):
        yield from _tensors(outcome, ("step", step, ()))
    for step, outcome in trace.gradients.items():
        yield from _tensors(outcome, ("gradient", step, ()))
    for i, call in enumerate(trace.hooks):
        yield from _tensors(call.grads, ("hook", i, ()))


def _tensors(outcome: Outcome, place: Place) -> Iterator[tuple[Place, Observed]]:
    if isinstance(outcome, Observed):
        yield place, outcome
        if outcome.grad is not None:
            yield from _tensors(outcome.grad, (place[0], place[1], (*place[2], 0)))
        for found in (outcome.more or {}).values():
            yield from _tensors(found, (place[0], place[1], (*place[2], 0)))
    elif isinstance(outcome, tuple):
        for i, part in enumerate(outcome):
            yield from _tensors(part, (place[0], place[1], (*place[2], i)))


def is_higher_order(program: Program) -> bool:
    """Whether gradients are differentiated again: their terms cancel, and round by the largest of them."""
    return any(isinstance(step, (Backward, Grad)) and step.create_graph for step in program.steps)


def cancels(program: Program) -> bool:
    """Whether an operator subtracts large parts within itself (softmax minus target, x minus its mean): both round by
    the largest of them, which noise from outside does not show."""
    return any(catalogue.find(step.op).cancels for step in program.steps if isinstance(step, Call))


def largest_leaf(program: Program) -> float:
    """The largest absolute value of the leaves' data."""
    sizes = [np.abs(leaf_array(s).astype(complex)).max(initial=0) for s in program.steps if isinstance(s, Leaf)]
    return float(max((size for size in sizes if np.isfinite(size)), default=0.0))


def _largest(seen: Iterable[Observed]) -> float:
    sizes = [np.abs(value.array).max(initial=0) for value in seen]
    return float(max((size for size in sizes if np.isfinite(size)), default=0.0))


def is_mixing(program: Program) -> bool:
    """Whether an operator gives each element a share of all others' rounding, whatever its own size."""
    return any(catalogue.find(step.op).contraction == "mixing" for step in program.steps if isinstance(step, Call))


def is_contraction(program: Program) -> bool:
    """Whether the program only contracts: then its value on absolute data bounds its rounding error."""
    return all(isinstance(step, _LINEAR_STEPS) for step in program.steps) and all(
        _contracts(catalogue.find(step.op)) for step in program.steps if isinstance(step, Call)
    )


def _contracts(line: Any) -> bool:
    return line.contraction or line.exact


def absolute_program(program: Program) -> Program:
    """The same program on the absolute values of its leaves."""
    return Program(tuple(_absolute(step) if isinstance(step, Leaf) else step for step in program.steps))


def _absolute(leaf: Leaf) -> Leaf:
    if isinstance(leaf.data, Pattern):
        high = max(abs(leaf.data.low), abs(leaf.data.high))
        return replace(leaf, data=Pattern("constant", 0, high, high))
    if leaf.dtype not in EPS:
        return leaf
    array = np.abs(np.frombuffer(leaf.data, DTYPES[leaf.dtype])).astype(DTYPES[leaf.dtype])
    return replace(leaf, data=array.tobytes())


def ill_posed(program: Program) -> bool:
    """Whether a discontinuous operator reads a rounded value: then no tolerance decides."""
    rounded: set[int] = set()
    for index, step in enumerate(program.steps):
        sources = {ref.index for name in ("args", "value") for ref in refs(getattr(step, name, None))}
        if isinstance(step, Call):
            line = catalogue.find(step.op)
            if line.jumps and sources & rounded:
                return True
            if not line.exact or sources & rounded:
                rounded.add(index)
        elif sources & rounded:
            rounded.add(index)
    return False
