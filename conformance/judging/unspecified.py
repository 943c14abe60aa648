"""What PyTorch leaves to an implementation: which values a composite keeps for backward.

An operator with ``graph="spec"`` saves what PyTorch's own saves. Others, backward passes that are recorded themselves,
and regions under a transform may save what suits their formulas: then a pack hook shows other values, a later write is
an error here and not there, and a hook that hands back the saved tensor itself shows the write to the formula.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from .. import catalogue
from ..programs.program import Backward, Call, Drop, Grad, Item, Program, Step, Transform, Write, refs
from ..programs.trace import Observed, Raised, Trace
from .compare import Divergence

COPYING = "saved_hooks:copy"
REFUSING = "saved_hooks:raise_pack"
RAISING = "raised while packing"
DETECTED = "Error detected in"
PHASED = frozenset(("linalg.eigvalsh", "linalg.svdvals", "linalg.eigvals"))
"""Their values are unique; the vectors that they save are so up to a phase."""
OUT_OF_BOUNDS = "is out of bounds for dimension"
ABOUT_SAVING = (
    "modified by an inplace operation",
    "backward through the graph a second time",
    "Inference tensors cannot be saved",
    RAISING,
)


def saves_freely(step: Step) -> bool:
    """Whether what a step saves is the engine's own affair."""
    if isinstance(step, Call):
        return catalogue.find(step.op).graph != "spec"
    if isinstance(step, Transform):
        return step.kind != "function"
    return isinstance(step, (Backward, Grad)) and step.create_graph


def free_steps(program: Program) -> frozenset[int]:
    """The steps under saved-tensor hooks that save what they like."""
    return frozenset(index for index, step in enumerate(program.steps) if has_saved_hooks(step) and saves_freely(step))


def _unwritten(program: Program) -> frozenset[int]:
    """The steps that PyTorch lets pack memory that it fills afterwards: there a pack hook sees what was in it before."""
    found = (i for i, step in enumerate(program.steps) if isinstance(step, Call) and step.op == "nn.functional.rrelu")
    return frozenset(found)


def has_saved_hooks(step: Step) -> bool:
    return any(mode.startswith("saved_hooks") for mode in step.modes)


def specified(program: Program, trace: Trace) -> Trace:
    """The trace without the calls of pack and unpack hooks that free steps made, or a step that raised: some operators
    look at their arguments before they save them, and some after."""
    if not any(map(has_saved_hooks, program.steps)):
        return trace
    free = free_steps(program) | _unwritten(program)
    raised = {step for step, _ in trace.raised()}
    phased = {i for i, step in enumerate(program.steps) if isinstance(step, Call) and step.op in PHASED}
    hooks = [call for call in trace.hooks if call.step not in free | raised]
    return replace(trace, hooks=[replace(call, grads=()) if call.step in phased else call for call in hooks])


def depends_on_saved_set(program: Program, found: Divergence) -> bool:
    """Whether a difference hangs on what a step chose to save: an error about a modified or freed saved value, a value
    that was computed from one which hooks handed back as it was by then, or who lives on in the graph."""
    if found.kind == "value":
        return _is_rewritten(program, found)
    if found.kind == "death":
        step = program.steps[found.place[1]]
        return isinstance(step, Drop) and _may_hold(program, step)
    texts = [getattr(side, "message", "") for side in (found.backend, found.oracle)]
    if any(RAISING in text for text in texts):
        # What is packed is the affair of the step that packs.
        return found.place[0] == "step" and saves_freely(program.steps[found.place[1]])
    about_saving = any(part in text for text in texts for part in ABOUT_SAVING)
    return about_saving and any(map(saves_freely, program.steps))


def without_refusal(program: Program, found: Divergence) -> Program | None:
    """Where a pack hook raised on one side and something else did on the other, the program whose step has no hook that
    raises. If both engines refuse the step then too, and alike, it was wrong in itself: which of the two errors comes
    first is told by no documentation, and differs from operator to operator."""
    texts = [side.message for side in (found.backend, found.oracle) if isinstance(side, Raised)]
    kind, index, _ = found.place
    if kind != "step" or len(texts) != 2 or not any(RAISING in text for text in texts):
        return None
    step = program.steps[index]
    calm = replace(step, modes=tuple(mode for mode in step.modes if mode != REFUSING))
    return Program((*program.steps[:index], calm, *program.steps[index + 1 :]))


def half_passed(program: Program, mine: Trace, theirs: Trace, found: Divergence) -> bool:
    """Whether a gradient, or the node that anomaly mode names, differs after a pass that both engines refused because of
    a saved value, in a program where a step saves what it likes: how far the pass had come by then hangs on which node
    keeps what."""
    refused = any(
        isinstance(program.steps[i], (Backward, Grad)) and any(part in e.message for part in ABOUT_SAVING)
        for i, e in theirs.raised()
    )
    if not refused or not any(map(saves_freely, program.steps)):
        return False
    is_named = found.kind == "warning" and _unnamed(mine) == _unnamed(theirs)
    return found.place[0] == "gradient" or is_named


def _unnamed(trace: Trace) -> list[tuple[str, str]]:
    """The warnings, without the names of nodes that a pass failed in."""
    return [(category, text if DETECTED not in text else DETECTED) for category, text in trace.warnings]


def is_idle_history(program: Program, found: Divergence) -> bool:
    """Whether one engine alone gives a history to a recorded gradient that is zero everywhere, where the formulas of a
    transform were differentiated: whether they multiply by a constant or leave it out is their own affair."""
    kind, index, _ = found.place
    sides = (found.backend, found.oracle)
    is_zero = all(isinstance(side, Observed) and not np.any(side.array) for side in sides)
    transformed = any(isinstance(step, Transform) and step.region is not None for step in program.steps)
    step = program.steps[index] if kind == "step" else None
    return is_zero and transformed and isinstance(step, (Grad, Item)) and _is_recorded(program, index)


def _is_recorded(program: Program, index: int) -> bool:
    step = program.steps[index]
    if isinstance(step, Item):
        return _is_recorded(program, step.value.index)
    return isinstance(step, Grad) and step.create_graph


def half_written(program: Program, trace: Trace, found: Divergence) -> bool:
    """Whether a write before the divergence raised at an index in the middle of its work: what is in the memory then,
    nobody says."""
    kind, place, _ = found.place
    end = place if kind == "step" else len(program.steps)
    return any(_writes(program.steps[i]) and OUT_OF_BOUNDS in e.message for i, e in trace.raised() if i < end)


def _writes(step: Step) -> bool:
    return isinstance(step, Write) or (isinstance(step, Call) and step.form == "inplace")


def _is_rewritten(program: Program, found: Divergence) -> bool:
    """Whether a pass before the divergence read what was written after hooks had packed it that hand back the tensor
    itself: an operand or result of a call, or anything at all where a step saves what it likes. Then a formula reads
    numbers that don't belong together, and what it makes of them is its own affair."""
    kind, place, _ = found.place
    end = place if kind == "step" else len(program.steps) - 1
    packed, is_any, is_written = set[int](), False, False
    for index, step in enumerate(program.steps[: end + 1]):
        if is_written and isinstance(step, (Backward, Grad)):
            return True
        target = _target(step)
        is_written = is_written or (target is not None and (is_any or target in packed))
        if any(m.startswith("saved_hooks") and m != COPYING for m in step.modes):
            is_any = is_any or saves_freely(step)
            packed.update((index, *(ref.index for ref in refs(step.args))) if isinstance(step, Call) else ())
    return False


def _target(step: Step) -> int | None:
    """The value that a step writes into."""
    if isinstance(step, Write):
        return step.target.index
    if isinstance(step, Call) and step.form == "inplace":
        return next((ref.index for ref in refs(step.args)), None)
    return None


def _may_hold(program: Program, drop: Drop) -> bool:
    """Whether one of the dropped values went into a step that saves what it likes."""
    free = (step for step in program.steps if saves_freely(step))
    held = {ref for step in free for f in fields(step) for ref in refs(getattr(step, f.name))}
    return any(ref in held for ref in drop.values)
