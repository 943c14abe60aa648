"""Judging one program: run it on both engines, compare, and decide whether a difference in values is only rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import catalogue
from ..backends import ASSERTED, UNCLAIMED, Backend, EngineDied, missing, shown
from ..programs.leafdata import leaf_array
from ..programs.needs import CAPABILITIES, needs
from ..programs.program import Call, Item, Leaf, Observe, Program, refs
from ..programs.trace import Observed, Raised, Trace
from .compare import FACTS, Closeness, Divergence, Place, compare
from .edges import is_past_an_edge
from .inner_writes import counted_within, recorded_within, without_inner
from .rounding import FEW, NEAR, NOISE, Rounding
from .unspecified import (
    depends_on_saved_set,
    half_passed,
    half_written,
    has_saved_hooks,
    is_idle_history,
    specified,
    without_refusal,
)
from .widening import is_near, widened

Law = Callable[[Program, Trace, Closeness], "str | None"]
"""A property that needs no oracle: what is wrong with a trace, or None. The closeness says what rounding may do."""
Settled = Callable[[Program, Divergence], bool]
"""Whether a difference far beyond what a few noisy runs allow needs no more of them."""


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
    settled: Settled | None = None
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
            return self._death(program, death)
        theirs = self.oracle.execute(program)
        if not self.errors and any(True for _ in theirs.raised()):
            return Judgement("unclaimed", theirs)
        lacks = lacking(mine, theirs)
        if lacks is not None:
            return Judgement("unclaimed", theirs, lacks=lacks, refused=True)
        return self.weigh(self._rounding(program, theirs), mine, law)

    def _death(self, program: Program, death: EngineDied) -> Judgement:
        """What ended the engine's process is its fault, but for what an engine without errors isn't asked: misuse."""
        if not self.errors and any(True for _ in self.oracle.execute(program).raised()):
            return Judgement("unclaimed", Trace())
        found = Divergence(death.kind, ("step", max(len(program.steps) - 1, 0), ()), str(death))
        return Judgement("different", Trace(), found, "backend")

    def weigh(self, rounding: Rounding, mine: Trace, law: Law | None) -> Judgement:
        """The judgement on a trace, beside the oracle's of the same program."""
        judgement = self._compare(rounding, mine, rounding.reference)
        return judgement if judgement.status != "same" else self._lawful(rounding, mine, law)

    def _lawful(self, rounding: Rounding, mine: Trace, law: Law | None) -> Judgement:
        """What a law says, with the allowances that a comparison has."""
        program, theirs = rounding.program, rounding.reference
        close = Closeness(self.close.ulps)
        broken = law(program, mine, close) if law is not None else None
        if law is None or broken is None:
            return Judgement("same", theirs)
        for allowance in rounding:
            self.noisy, close = rounding.runs, Closeness(self.close.ulps, 0.0, allowance)
            broken = law(program, mine, close)
            if broken is None:
                return Judgement("same", theirs)
        found = Divergence("law", ("step", len(program.steps) - 1, ()), broken, oracle=None)
        return Judgement("different", theirs, found, "both" if law(program, theirs, close) else "backend")

    @contextmanager
    def quickly(self) -> Iterator[None]:
        """While entered, a difference far beyond a few noisy runs is one: for the shrinker, whose result is judged again."""
        kept, self.settled = self.settled, lambda program, found: True
        try:
            yield
        finally:
            self.settled = kept

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

    def _compare(self, rounding: Rounding, mine: Trace, theirs: Trace) -> Judgement:
        program = rounding.program
        self.close.free = free_places(program)
        inner = counted_within(program)
        if inner:
            bare = without_inner(mine, inner), without_inner(theirs, inner)
            rest = self._compare_specified(rounding, *bare)
            differ = any(_shown_within(mine, k) != _shown_within(theirs, k) for k in inner)
            return Judgement("unspecified", theirs) if rest.status == "same" and differ else rest
        return self._compare_specified(rounding, mine, theirs)

    def _compare_specified(self, rounding: Rounding, mine: Trace, theirs: Trace) -> Judgement:
        program = rounding.program
        if not any(map(has_saved_hooks, program.steps)):
            return self._compare_all(rounding, mine, theirs)
        rest = self._compare_all(rounding, specified(program, mine), specified(program, theirs))
        differ = [call.tag for call in mine.hooks] != [call.tag for call in theirs.hooks]
        return Judgement("unspecified", theirs) if rest.status == "same" and differ else rest

    def _compare_all(self, rounding: Rounding, mine: Trace, theirs: Trace) -> Judgement:
        found = compare(mine, theirs, self.facts, self.close)
        if found is None:
            return Judgement("same", theirs)
        if found.kind == "value" and found.error_abs is not None:
            return self._reconsider(rounding, mine, theirs, found)
        return self._excused(rounding, mine, theirs, found)

    def _excused(self, rounding: Rounding, mine: Trace, theirs: Trace, found: Divergence) -> Judgement:
        """The judgement on what isn't a difference of two numbers."""
        if found.kind in ("error", "message", "death") and self._hangs_on_saving(rounding.program, found):
            return Judgement("unspecified", theirs, found)
        if recorded_within(rounding.program, found) or half_passed(rounding.program, mine, theirs, found):
            return Judgement("unspecified", theirs, found)
        if found.kind == "flag" and is_idle_history(rounding.program, found):
            return Judgement("unspecified", theirs, found)
        if found.kind == "error" and self._wavers(rounding.program, mine, found):
            return Judgement("ill-posed", theirs, found)
        return Judgement("different", theirs, found)

    def _hangs_on_saving(self, program: Program, found: Divergence) -> bool:
        if depends_on_saved_set(program, found):
            return True
        calm = without_refusal(program, found)
        if calm is None:
            return False
        mine, theirs = (engine.execute(calm).steps[found.place[1]] for engine in (self.backend, self.oracle))
        return type(mine) is Raised and _raises_alike(mine, theirs)

    def _wavers(self, program: Program, mine: Trace, found: Divergence) -> bool:
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

    def _reconsider(self, rounding: Rounding, mine: Trace, theirs: Trace, found: Divergence) -> Judgement:
        """Values differ by more than a few ULP: allow for this program's conditioning, the cheapest measure first."""
        program, close = rounding.program, self.close
        for allowance in () if rounding.is_beyond(found) else rounding:
            close = Closeness(self.close.ulps, 0.0, allowance, self.close.free)
            left = compare(mine, theirs, self.facts, close)
            self.noisy = rounding.runs
            if left is None:
                self.close.headroom = max(self.close.headroom, close.headroom)
                return Judgement("same", theirs)
            found = left
            if rounding.is_beyond(found) or (rounding.runs == FEW and self._is_settled(rounding, found)):
                break
        if found.error_scaled is not None and found.error_scaled < NEAR:
            for allowance in rounding.more():
                close = Closeness(self.close.ulps, 0.0, allowance, self.close.free)
                if compare(mine, theirs, self.facts, close) is None:
                    return Judgement("same", theirs)
        if rounding.is_beyond(found) and overflows(program, found, Closeness(np.inf)):
            # What is finite beside an overflow rounds as it does elsewhere.
            close = Closeness(self.close.ulps, 0.0, rounding.all(), self.close.free)
        past = overflows(program, found, close) and (self.universal or not self.at_kinks)
        if found.kind == "value" and (past or ill_posed(program)):
            return Judgement("ill-posed", theirs, found)
        sides = ((self.backend, mine), (self.oracle, theirs))
        if found.kind == "value" and not self.at_kinks and is_past_an_edge(rounding, found, close, sides):
            return Judgement("ill-posed", theirs, found)
        if found.kind != "value":
            return self._excused(rounding, mine, theirs, found)
        if depends_on_saved_set(program, found) or half_written(program, theirs, found):
            return Judgement("unspecified", theirs, found)
        if recorded_within(program, found) or half_passed(program, mine, theirs, found):
            return Judgement("unspecified", theirs, found)
        return Judgement("different", theirs, found, self._by_widening(rounding, mine, theirs))

    def _is_settled(self, rounding: Rounding, found: Divergence) -> bool:
        return self.settled is not None and rounding.is_far(found) and self.settled(rounding.program, found)

    def _by_widening(self, rounding: Rounding, mine: Trace, theirs: Trace) -> str | None:
        """``oracle`` where, of many values, the backend's are near those of twice the digits and the oracle's aren't."""
        program = rounding.program
        wide = widened(program)
        if wide is None:
            return None
        truth = self.oracle.execute(wide)
        if self._compare(self._rounding(wide, truth), self.backend.execute(wide), truth).status != "same":
            return None
        close = Closeness(self.close.ulps, 0.0, rounding.all(), free_places(program))
        return "oracle" if is_near(mine, truth, close) and not is_near(theirs, truth, close) else None

    def closeness(self, program: Program, reference: Trace) -> Closeness:
        """What rounding may do to each value of a program."""
        return Closeness(self.close.ulps, 0.0, self._rounding(program, reference).all(), free_places(program))

    def _rounding(self, program: Program, reference: Trace) -> Rounding:
        return Rounding(self.oracle, program, reference, self.at_kinks)


def _shown_within(trace: Trace, step: int) -> tuple[Any, ...]:
    """The version and the strides that a step observed."""
    outcome = trace.steps[step] if step < len(trace.steps) else None
    return getattr(outcome, "version", None), getattr(outcome, "strides", None)


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


def overflows(program: Program, found: Divergence, close: Closeness) -> bool:
    """Whether two values differ only where both are infinite or NaN, though all data is finite: past the largest
    number, what inf - inf or inf · 0 a formula meets is its own."""
    leaves = (leaf_array(step).astype(complex) for step in program.steps if isinstance(step, Leaf))
    if not all(np.isfinite(array).all() for array in leaves):
        return False
    if not (isinstance(found.backend, Observed) and isinstance(found.oracle, Observed)):
        return False
    mine, theirs = found.backend.array, found.oracle.array
    if mine.dtype.kind not in "fc" or mine.shape != theirs.shape:
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
