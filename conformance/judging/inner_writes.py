"""What tells how a kernel works inside: versions, and history, of what is computed from inference tensors alone, and
of a pushed tangent.

Inference tensors keep autograd out of a call. Made outside inference mode, its result counts what the kernel itself
wrote: a sum once, a mean twice, an inverse three times in PyTorch; and where the operand is a leaf that requires grad,
the result has the history of a copy that the kernel happened to make, or none. Nobody promises that, nor what a pass
through such a history leaves in that leaf. Forward mode adds up a tangent in as many writes as the formulas happen to
take, and leaves strides to dimensions of size 1 as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from .. import catalogue
from ..programs.program import (
    Backward,
    Call,
    Flag,
    Grad,
    GradOf,
    Hook,
    Item,
    Leaf,
    MultiHook,
    Observe,
    Program,
    Step,
    Transform,
    Write,
    refs,
)
from ..programs.trace import Observed, Trace
from .compare import Divergence

INFERENCE = "inference_mode"
PUSHING = frozenset(("jvp", "jacfwd", "hessian", "jvp_of_vjp", "vjp_of_jvp"))


class Inferences:
    """The values of a program: inference tensors, those of them that require grad, what was computed from inference
    tensors alone (``counting``), what forward mode pushed, what has or hangs on the history of a call on inference
    tensors alone of which one requires grad (``vague``), and gradients along such a history (``pulled``)."""

    def __init__(self, program: Program) -> None:
        self.inference, self.requiring, self.counting = set[int](), set[int](), set[int]()
        self.pushed, self.vague, self.pulled = set[int](), set[int](), set[int]()
        self.sources: dict[int, int] = {}
        for index, step in enumerate(program.steps):
            used = used_by(step)
            source = _source(step, used)
            if source is not None:
                self.sources[index] = source
                for kind in (self.inference, self.requiring, self.counting, self.pushed):
                    kind.update([index] if source in kind else ())
            elif isinstance(step, (Leaf, Call, Transform)):
                self._make(index, step, used)
            if isinstance(step, Flag) and used[0] in self.inference:
                self.requiring.add(used[0])
            self._blur(index, step, used)

    def _make(self, index: int, step: Leaf | Call | Transform, used: Sequence[int]) -> None:
        if isinstance(step, Transform) and step.kind in PUSHING:
            self.pushed.add(index)
        # In a region a call on the parameter alone is one on an inference tensor alone.
        if isinstance(step, Transform) and not self.requiring.isdisjoint(used):
            self.vague.add(index)
        if _is_within(step):
            self.inference.add(index)
            self.requiring.update([index] if isinstance(step, Leaf) and step.requires_grad else ())
        elif used and self.inference.issuperset(used):
            self.counting.add(index)
            if not self.requiring.isdisjoint(used):
                self.vague.add(index)
            if isinstance(step, Call) and catalogue.find(step.op).exact:
                self.inference.add(index)  # it may be its operand, or a view of it: a reshape, say

    def _blur(self, index: int, step: Step, used: Sequence[int]) -> None:
        """Notes what uses a vague value, what such a value is written into, and gradients of the leaves behind it."""
        reads = isinstance(step, (GradOf, Observe)) and self.vague and used[0] in self.requiring
        if not reads and not any(self.root(value) in self.vague or value in self.vague for value in used):
            return
        self.vague.add(index)
        if reads or isinstance(step, (Grad, GradOf)) or not self.pulled.isdisjoint(used):
            self.pulled.add(index)
        if isinstance(step, Write) or (isinstance(step, Call) and step.form == "inplace"):
            self.vague.add(self.root(used[0]))

    def root(self, value: int) -> int:
        """The value whose memory a value shows."""
        while value in self.sources:
            value = self.sources[value]
        return value


def used_by(step: Step) -> list[int]:
    """The values that a step is given."""
    return [ref.index for f in fields(step) for ref in refs(getattr(step, f.name))]


def counted_within(program: Program) -> frozenset[int]:
    """The steps that observe a tensor whose version counts writes within a kernel."""
    if not _has_inner_writes(program):
        return frozenset()
    found = Inferences(program)
    return frozenset(i for i in found.counting | found.pushed if isinstance(program.steps[i], Observe))


def recorded_within(program: Program, found: Divergence) -> bool:
    """Whether a divergence shows the history of a call on inference tensors alone of which one requires grad: in that
    call or what uses its result, or in the gradient, the hooks or the life of what it leads to."""
    if not any(map(_is_within, program.steps)):
        return False
    inferences = Inferences(program)
    if not inferences.vague:
        return False
    kind, place, _ = found.place
    touched = inferences.vague | inferences.requiring
    if kind == "step":
        return place in (inferences.pulled if found.kind == "value" else inferences.vague)
    if kind == "gradient":
        return place in touched
    steps = [step for index, step in enumerate(program.steps) if index in inferences.vague]
    if kind == "hook":
        hooks = [step for step in program.steps if isinstance(step, (Hook, MultiHook))]
        return any(not touched.isdisjoint(used_by(step)) for step in hooks) or any(map(_has_hooks, steps))
    passes = any(isinstance(step, (Backward, Grad)) for step in steps)
    return passes or (kind == "death" and not touched.isdisjoint(used_by(program.steps[place])))


def without_inner(trace: Trace, places: frozenset[int]) -> Trace:
    """The trace, without the versions that some steps observed, and their strides of dimensions of size 1."""
    steps = [_bare(outcome) if index in places else outcome for index, outcome in enumerate(trace.steps)]
    return replace(trace, steps=steps)


def _bare(outcome: Any) -> Any:
    if not isinstance(outcome, Observed):
        return outcome
    strides = outcome.strides and tuple(s for s, n in zip(outcome.strides, outcome.shape) if n != 1)
    return replace(outcome, version=None, strides=strides)


def _source(step: Step, used: Sequence[int]) -> int | None:
    """The value that a step's result is, or is a view of."""
    is_alias = isinstance(step, (Item, Observe, Write)) or (
        isinstance(step, Call) and (step.form == "inplace" or catalogue.find(step.op).view)
    )
    return used[0] if is_alias and used else None


def _has_inner_writes(program: Program) -> bool:
    return any(_is_within(step) or (isinstance(step, Transform) and step.kind in PUSHING) for step in program.steps)


def _has_hooks(step: Step) -> bool:
    return any(mode.startswith("saved_hooks") for mode in step.modes)


def _is_within(step: Step) -> bool:
    last = next((mode for mode in reversed(step.modes) if mode.startswith(INFERENCE)), "")
    return bool(last) and not last.endswith("False")
