"""What the clauses of hooks share: drawn graphs to hang hooks on, and what the log of a trace says."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Trace
from ..promises.clause import finished

REPLACING = ("double", "negate", "zero", "clone")
CHANGING = ("double", "negate", "zero")


def path(b: Builder) -> tuple[Value, Value, Value]:
    """A leaf, a value computed from it, and a root computed from that."""
    x = b.leaf(b.shape(0, 2))
    y = b.smooth(x, depth=b.integer(1, 2))
    return x, y, b.smooth(y, depth=1)


def fork(b: Builder) -> tuple[list[Value], list[Value], Value]:
    """Leaves of one shape, a value computed from each, and a root that adds or multiplies those."""
    shape = b.shape(0, 2)
    leaves = [b.leaf(shape) for _ in range(b.integer(2, 3))]
    branches = [b.smooth(leaf, depth=1) for leaf in leaves]
    root = branches[0]
    for branch in branches[1:]:
        root = b.call(b.pick(("mul", "add")), root, branch)
    return leaves, branches, root


def run(b: Builder, root: Value, **options: Any) -> None:
    """A backward from a root with a drawn cotangent."""
    b.backward(root, gradient=b.like(root), **options)


def differentiate(b: Builder, root: Value, inputs: list[Value], **options: Any) -> Value:
    """`grad` of a root with a drawn cotangent."""
    return b.grad([root], inputs, [b.like(root)], **options)


def tags(trace: Trace) -> list[str]:
    """The tags of the hooks that ran, in order."""
    return [call.tag for call in trace.hooks]


def hooked(trace: Trace) -> bool:
    """Nothing raised, and a hook ran."""
    return finished(trace) and bool(trace.hooks)


def hooked_and_stored(trace: Trace) -> bool:
    """A hook ran, and a leaf got its gradient."""
    return hooked(trace) and bool(trace.gradients)


def several(trace: Trace) -> bool:
    """Two hooks ran, or one of them twice."""
    return finished(trace) and len(trace.hooks) > 1


def failed_after_hook(trace: Trace) -> bool:
    """A step raised, after a hook had run."""
    return not finished(trace) and bool(trace.hooks)
