"""Versions that tell how a kernel works inside.

Versions count writes where autograd takes part. An inference tensor keeps it out of a call, and the result, made outside
inference mode, counts what the kernel itself wrote: a sum once, a mean twice, an inverse three times in PyTorch. Nobody
promises that, so such a version is no part of the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from .. import catalogue
from ..programs.program import Call, Item, Leaf, Observe, Program, Step, Transform, refs
from ..programs.trace import Observed, Trace

INFERENCE = "inference_mode"


def counted_within(program: Program) -> frozenset[int]:
    """The steps that observe a tensor whose version counts writes within a kernel."""
    if not any(map(_is_within, program.steps)):
        return frozenset()
    inference, counting = set[int](), set[int]()
    for index, step in enumerate(program.steps):
        used = [ref.index for f in fields(step) for ref in refs(getattr(step, f.name))]
        source = _source(step, used)
        if source is not None:
            inference.update([index] if source in inference else ())
            counting.update([index] if source in counting else ())
        elif isinstance(step, (Leaf, Call, Transform)):
            if _is_within(step):
                inference.add(index)
            elif used and inference.issuperset(used):
                counting.add(index)
                # It may be its operand, or a view of it: a reshape, say.
                inference.update([index] if isinstance(step, Call) and catalogue.find(step.op).exact else ())
    return frozenset(i for i in counting if isinstance(program.steps[i], Observe))


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
