"""Judging one program: run it on both engines, compare, and decide whether a difference in values is only rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import catalogue
from .backends import ASSERTED, UNCLAIMED, Backend, EngineDied, missing, shown
from .compare import FACTS, Allowance, Closeness, Divergence, Place, compare
from .compare.tolerance import largest, scaled, spread
from .leafdata import DTYPES, EPS, leaf_array
from .needs import CAPABILITIES, needs
from .program import Backward, Call, Grad, GradOf, Item, Leaf, Observe, Pattern, Program, Region, Transform, refs
from .trace import Observed, Raised, Trace
from .tracing import values
from .unspecified import depends_on_saved_set, has_saved_hooks, specified
from .widening import is_near, widened

Law = Callable[[Program, Trace, Closeness], "str | None"]
"""A property that needs no oracle: what is wrong with a trace, or None. The closeness says what rounding may do."""
NOISE = (1, 3, 0, 2, *range(4, 16))
"""Seeds of the noisy runs, the cheap kind first. An allowance only grows, so that one run at a time decides what all
of them would."""
_LINEAR_STEPS = (Leaf, Item, Backward, Grad, GradOf, Observe)


@dataclass(slots=True)
class Judgement:
    """``status``: same, different, ill-posed, unspecified, or unclaimed (what the engine ``lacks``: errors, where the
    oracle raises; or what it said itself that it has not)."""

    status: str
    oracle: Trace
    divergence: Divergence | None = None
    verdict: str | None = None
    lacks: str = "errors"
    refused: bool = False
    """Unclaimed, since the engine said of this program that it hasn't what it asks for."""


@dataclass(slots=True)
class Judge:
    """Compares a backend with an oracle on the facts that both claim. ``at_kinks``: the programs stand at convention
    points, where much noise would excuse any other choice. ``noisy``: runs with noise that the last program took."""

    backend: Backend
    oracle: Backend
    facts: frozenset[str] = field(init=False)
    universal: bool = field(init=False)
    errors: bool = field(init=False)
    at_kinks: bool = False
    noisy: int = 0
    close: Closeness = field(default_factory=Closeness)

    def __post_init__(self) -> None:
        self.facts = FACTS & self.backend.claims & self.oracle.claims
        self.errors = "errors" in self.backend.claims
        self.universal = self.backend.claims >= CAPABILITIES

    def judge(self, program: Program, law: Law | None = None) -> Judgement:
        """Runs a program on both and compares; then asks a law about what each showed."""
        self.noisy = 0
        try:
            mine = self.backend.execute(program)
        except EngineDied as death:
            found = Divergence(death.kind, ("step", max(len(program.steps) - 1, 0), ()), str(death))
            return Judgement("different", Trace(), found, "backend")
        theirs = self.oracle.execute(program)
        if not self.errors and any(True for _ in theirs.raised()):
            return Judgement("unclaimed", theirs)
        lacks = lacking(mine, theirs)
        if lacks is not None:
            return Judgement("unclaimed", theirs, lacks=lacks, refused=True)
        judgement = self._compare(program, mine, theirs)
        return judgement if judgement.status != "same" else self._lawful(program, mine, theirs, law)

    def _lawful(self, program: Program, mine: Trace, theirs: Trace, law: Law | None) -> Judgement:
        """What a law says, with the allowances that a comparison has."""
        close = Closeness(self.close.ulps)
        broken = law(program, mine, close) if law is not None else None
        if law is None or broken is None:
            return Judgement("same", theirs)
        for allowance in self._allowances(program, theirs):
            close = Closeness(self.close.ulps, 0.0, allowance)
            broken = law(program, mine, close)
            if broken is None:
                return Judgement("same", theirs)
        found = Divergence("law", ("step", len(program.steps) - 1, ()), broken, oracle=None)
        return Judgement("different", theirs, found, "both" if law(program, theirs, close) else "backend")

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
        self.close.free = free_places(program)
        if not any(map(has_saved_hooks, program.steps)):
            return self._compare_all(program, mine, theirs)
        rest = self._compare_all(program, specified(program, mine), specified(program, theirs))
        differ = [call.tag for call in mine.hooks] != [call.tag for call in theirs.hooks]
        return Judgement("unspecified", theirs) if rest.status == "same" and differ else rest

    def _compare_all(self, program: Program, mine: Trace, theirs: Trace) -> Judgement:
        found = compare(mine, theirs, self.facts, self.close)
        if found is None:
            return Judgement("same", theirs)
        if found.kind == "value" and found.error_abs is not None:
            return self._reconsider(program, mine, theirs, found)
        if found.kind in ("error", "message", "death") and depends_on_saved_set(program, found):
            return Judgement("unspecified", theirs, found)
        if found.kind == "error" and self._wavers(program, mine, theirs, found):
            return Judgement("ill-posed", theirs, found)
        return Judgement("different", theirs, found)

    def _wavers(self, program: Program, mine: Trace, theirs: Trace, found: Divergence) -> bool:
        """Whether the oracle itself does as the backend, raises or not, when its kernels' results move by a unit: what
        a check makes of values that stand at its bound is rounding's."""
        kind, step, _ = found.place
        if kind != "step":
            return False
        outcome = mine.steps[step]
        if type(outcome) is Raised and outcome.kind == UNCLAIMED:
            return False
        runs = (self.oracle.execute(program, noise=seed).steps for seed in NOISE)
        return any(len(run) > step and _raises_alike(run[step], outcome) for run in runs)

    def _reconsider(self, program: Program, mine: Trace, theirs: Trace, first: Divergence) -> Judgement:
        """Values differ by more than a few ULP: allow for this program's conditioning, the cheapest measure first."""
        found, close = first, self.close
        for allowance in self._allowances(program, theirs):
            close = Closeness(self.close.ulps, 0.0, allowance, self.close.free)
            left = compare(mine, theirs, self.facts, close)
            if left is None:
                self.close.headroom = max(self.close.headroom, close.headroom)
                return Judgement("same", theirs)
            found = left
        if found.kind == "value" and (ill_posed(program) or overflows(program, found, self.close)):
            return Judgement("ill-posed", theirs, found)
        if depends_on_saved_set(program, found):
            return Judgement("unspecified", theirs, found)
        return Judgement("different", theirs, found, self._by_widening(program, mine, theirs, close))

    def _by_widening(self, program: Program, mine: Trace, theirs: Trace, close: Closeness) -> str | None:
        """``oracle`` where, of many values, the backend's are near those of twice the digits and the oracle's aren't."""
        wide = widened(program)
        if wide is None:
            return None
        truth = self.oracle.execute(wide)
        agreed = self._compare(wide, self.backend.execute(wide), truth).status == "same"
        right = agreed and is_near(mine, truth, close) and not is_near(theirs, truth, close)
        return "oracle" if right else None

    def closeness(self, program: Program, reference: Trace) -> Closeness:
        """What rounding may do to each value of a program."""
        allowances: list[Allowance] = [{}, *self._allowances(program, reference)]
        return Closeness(self.close.ulps, 0.0, allowances[-1], free_places(program))

    def _allowances(self, program: Program, reference: Trace) -> Iterator[Allowance]:
        """Ever wider, better founded allowances: of a contraction, of a few noisy runs, of all of them."""
        seen = {place: value for place, value in values(reference) if value.dtype in EPS}
        base = self._contraction_allowance(program, seen)
        if base:
            yield base
        allowance = {place: base[place] if place in base else spread(x.array, []) for place, x in seen.items()}
        for count, seed in enumerate(NOISE, 1):
            self.noisy = count
            run = dict(values(specified(program, self.oracle.execute(program, noise=seed))))
            for place, value in seen.items():
                if place in run:
                    moved = spread(value.array, [run[place].array], self._most(value))
                    allowance[place] = np.fmax(allowance[place], moved)
            yield allowance

    def _most(self, value: Observed) -> float:
        """The most that noise may excuse: at a kink, less than another choice there would differ by."""
        return largest(value.array) * EPS[value.dtype] ** 0.5 if self.at_kinks else np.inf

    def _contraction_allowance(self, program: Program, seen: dict[Place, Observed]) -> Allowance:
        if not is_contraction(program):
            return {}
        sizes = dict(values(self.oracle.execute(absolute_program(program))))
        return {
            place: scaled(value.array, sizes[place].array, value.dtype)
            for place, value in seen.items()
            if place in sizes
        }


def _raises_alike(one: Any, other: Any) -> bool:
    if type(one) is not Raised or type(other) is not Raised:
        return type(one) is not Raised and type(other) is not Raised
    return one.kind == other.kind and one.message.split("\n")[0] == other.message.split("\n")[0]


def lacking(mine: Trace, theirs: Trace) -> str | None:
    """What an engine says that it has not: a kernel for a step, or an exception for a check within one."""
    for step, raised in mine.raised():
        if raised.kind == UNCLAIMED or (raised.kind == ASSERTED and type(theirs.steps[step]) is Raised):
            return (raised.message.splitlines() or ["?"])[0][:100]
    return None


def free_places(program: Program) -> frozenset[Place]:
    """Where a trace shows an output that is not unique, or what is computed from one. What is unique again is observed
    in a step of its own, and compared there."""
    found: set[Place] = set()
    computed: set[int] = set()
    for index, step in enumerate(program.steps):
        if isinstance(step, Call):
            line = catalogue.find(step.op)
            if line.gauge is not None:
                found.update(("step", index, () if line.outputs is None else (k,)) for k in line.gauge.free)
            if any(("step", ref.index, ()) in found for ref in refs(step.args)):
                found.add(("step", index, ()))
                computed.add(index)
        elif isinstance(step, (Item, Observe)):
            path = (step.index,) if isinstance(step, Item) else ()
            if ("step", step.value.index, path) in found and step.value.index not in computed:
                found.add(("step", index, ()))
    return frozenset(found)


def is_contraction(program: Program | Region) -> bool:
    """Whether the program only contracts: then its value on absolute data bounds its rounding error."""
    return all(_contracts(step) for step in program.steps)


def _contracts(step: Any) -> bool:
    if isinstance(step, Call):
        line = catalogue.find(step.op)
        return line.contraction is True or line.exact
    if isinstance(step, Transform):
        return step.region is not None and is_contraction(step.region)
    return isinstance(step, _LINEAR_STEPS)


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


def overflows(program: Program, found: Divergence, close: Closeness) -> bool:
    """Whether two values differ only where both are infinite or NaN, though all data is finite: past the largest
    number, what inf - inf or inf · 0 a formula meets is its own."""
    leaves = (leaf_array(step).astype(complex) for step in program.steps if isinstance(step, Leaf))
    if not all(np.isfinite(array).all() for array in leaves):
        return False
    if not (isinstance(found.backend, Observed) and isinstance(found.oracle, Observed)):
        return False
    mine, theirs = found.backend.array, found.oracle.array
    if mine.dtype.kind not in "fc":
        return False
    lost = ~np.isfinite(mine) & ~np.isfinite(theirs)
    mine, theirs = (np.where(lost, 0, array).astype(array.dtype) for array in (mine, theirs))
    return bool(lost.any()) and close.error(mine, theirs, found.oracle.dtype, found.place) is None


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
