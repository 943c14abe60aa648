"""What tells how a kernel works inside: versions, and history, of what is computed from inference tensors alone.

Inference tensors keep autograd out of a call. Made outside inference mode, its result counts what the kernel itself
wrote: a sum once, a mean twice, an inverse three times in PyTorch; and where the operand is a leaf that requires grad,
the result has the history of a copy that the kernel happened to make, or none. Nobody promises that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from .. import catalogue
from ..programs.program import Call, Flag, Item, Leaf, Observe, Program, Step, Transform, refs
from ..programs.trace import Observed, Trace
from .compare import Divergence

INFERENCE = "inference_mode"


class Inferences:
    """The values of a program: inference tensors, those of them that require grad, what was computed from inference
    tensors alone (``counting``), and the first step that did so with one that requires grad."""

    def __init__(self, program: Program) -> None:
        self.inference, self.requiring, self.counting = set[int](), set[int](), set[int]()
        self.first: int | None = None
        for index, step in enumerate(program.steps):
            used = [ref.index for f in fields(step) for ref in refs(getattr(step, f.name))]
            source = _source(step, used)
            if source is not None:
                for kind in (self.inference, self.requiring, self.counting):
                    kind.update([index] if source in kind else ())
            elif isinstance(step, (Leaf, Call, Transform)):
                self._make(index, step, used)
            if isinstance(step, Flag) and used[0] in self.inference:
                self.requiring.add(used[0])

    def _make(self, index: int, step: Leaf | Call | Transform, used: Sequence[int]) -> None:
        if _is_within(step):
            self.inference.add(index)
            self.requiring.update([index] if isinstance(step, Leaf) and step.requires_grad else ())
        elif used and self.inference.issuperset(used):
            self.counting.add(index)
            if self.first is None and not self.requiring.isdisjoint(used):
                self.first = index
            if isinstance(step, Call) and catalogue.find(step.op).exact:
                self.inference.add(index)  # it may be its operand, or a view of it: a reshape, say


def counted_within(program: Program) -> frozenset[int]:
    """The steps that observe a tensor whose version counts writes within a kernel."""
    if not any(map(_is_within, program.steps)):
        return frozenset()
    return frozenset(i for i in Inferences(program).counting if isinstance(program.steps[i], Observe))


def recorded_within(program: Program, found: Divergence) -> bool:
    """Whether a divergence follows a call on inference tensors alone of which one requires grad."""
    if not any(map(_is_within, program.steps)):
        return False
    first = Inferences(program).first
    kind, step, _ = found.place
    return first is not None and first <= (step if kind == "step" else len(program.steps))


def without_versions(trace: Trace, places: frozenset[int]) -> Trace:
    """The trace, without the versions that some steps observed."""
    steps = [_bare(outcome) if index in places else outcome for index, outcome in enumerate(trace.steps)]
    return replace(trace, steps=steps)


def _bare(outcome: Any) -> Any:
    return replace(outcome, version=None) if isinstance(outcome, Observed) else outcome


def _source(step: Step, used: Sequence[int]) -> int | None:
    """The value that a step's result is, or is a view of."""
    is_alias = isinstance(step, (Item, Observe)) or (
        isinstance(step, Call) and (step.form == "inplace" or catalogue.find(step.op).view)
    )
    return used[0] if is_alias and used else None


def _is_within(step: Step) -> bool:
    last = next((mode for mode in reversed(step.modes) if mode.startswith(INFERENCE)), "")
    return bool(last) and not last.endswith("False")
