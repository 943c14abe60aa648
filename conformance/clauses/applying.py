"""Custom Functions within programs, and what the clauses about them look for in a trace."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value, values_in
from ..programs.trace import Observed, Raised, Trace
from ..promises.clause import finished


def apply(b: Builder, rule: str, *args: Any, **keywords: Any) -> Value:
    """Applies the rule; its one output looks like its first tensor argument."""
    first = next(values_in(args))
    result = b.transform("function", None, args, rule=rule, **keywords)
    result.shape, result.dtype = first.shape, first.dtype
    return result


def apply_parts(b: Builder, rule: str, count: int, *args: Any) -> list[Value]:
    """Applies a rule with several outputs that all look like the first tensor argument."""
    first = next(values_in(args))
    result = b.transform("function", None, args, parts=((first.shape, first.dtype),) * count, rule=rule)
    return [b.item(result, i) for i in range(count)]


def pair(b: Builder, low: int = 0, requires_grad: bool = True) -> tuple[Value, Value]:
    """Two leaves of one shape."""
    x = b.leaf(b.shape(low, 3))
    return x, b.leaf(x.shape, requires_grad=requires_grad)


def inner(b: Builder, x: Value) -> Value:
    """The leaf itself or something computed from it."""
    return b.pick((x, b.smooth(x, depth=1))) if b.chance(2) else x


def pull(b: Builder, root: Value) -> None:
    """A backward pass with a drawn cotangent."""
    b.backward(root, gradient=b.like(root))


def got_gradient(trace: Trace) -> bool:
    return finished(trace) and len(trace.gradients) > 0


def last_raises(trace: Trace) -> bool:
    """The last step raised, and it alone."""
    return type(trace.steps[-1]) is Raised and len(list(trace.raised())) == 1


def nodes(trace: Trace) -> list[Any]:
    """The names of the nodes that Observe steps read (False: none)."""
    return [s.grad_fn for s in trace.steps if isinstance(s, Observed) and s.grad_fn is not None]


def recorded(trace: Trace) -> bool:
    """Finished, and a step read a node."""
    return finished(trace) and any(nodes(trace))


def unrecorded(trace: Trace) -> bool:
    """Finished, and the last thing read has no node."""
    return finished(trace) and nodes(trace)[-1:] == [False]
