"""What a whole-language program may do next with values: calls, views, writes, custom Functions, transforms."""

from __future__ import annotations

from math import prod
from typing import Any

from ..catalogue import Operator
from ..programs.leafdata import is_complex
from .build import Builder, Value
from .domains import NONZERO
from .vocabulary import ACCUMULATING, ELEMENTWISE, Fixed, Language, menu

FUNCTIONS = (
    "square",
    "triple_gradient",
    "no_gradient",
    "cube",
    "once_square",
    "save_result",
    "saved_intermediate",
    "identity",
    "identity_no_gradient",
    "double_in_place",
    "wrong_shape",
    "too_many",
)
TWO_ARGUMENTS = ("product", "first_only", "once_product", "too_few")
TWO_OUTPUTS = ("two_outputs", "none_for_missing", "zeros_for_missing", "same_twice", "second_marked")
SMALL = 12
MATRICES = ("vmap", "jacrev", "jacfwd", "hessian")
KINDS = ("checkpoint", "grad", "vjp", "jvp", "jvp_of_vjp", "vjp_of_jvp", *MATRICES)


def suits(b: Language, line: Operator) -> bool:
    """Whether an operator knows the program's dtype; only complex ones matter, the others promote."""
    return not is_complex(b.dtype) or b.dtype in line.dtypes


def call(b: Language) -> None:
    lines = menu()[0]
    line = lines[b.choose(len(lines))]
    if not suits(b, line):
        return
    result = b.apply(line)
    if result.parts is not None:
        b.item(result, b.choose(len(result.parts)))


def smooth(b: Language) -> None:
    pool = b.operands()
    if pool:
        b.smooth(b.recent(pool), depth=1)


def view(b: Language) -> None:
    lines = menu()[1]
    line = lines[b.choose(len(lines))]
    if suits(b, line):
        b.apply(line)


def targets(b: Language) -> list[Value]:
    """What may be written into; a leaf that requires grad only seldom, since that is an error."""
    return [v for v in b.operands() if not (v.is_leaf and v.requires_grad) or b.chance(10)]


def write(b: Language) -> None:
    """An in-place call."""
    lines = menu()[2]
    line = lines[b.choose(len(lines))]
    found = targets(b)
    if not found or not suits(b, line):
        return
    target, reads = b.recent(found), line.name in ACCUMULATING
    args, attrs = line.strategy.draw(Fixed(b, target, exact=reads))
    if (reads and b.shared(args[:1]) & b.shared((*args[1:], *attrs.values()))) or (
        line.name in ELEMENTWISE and b.is_folded(args[:1])
    ):
        args = (b.call("clone", args[0]), *args[1:])
    result = b.call(line.name, *args, form="inplace", **attrs)
    target = args[0]
    if isinstance(target, Value):
        (b.composite.add if result.index in b.composite else b.composite.discard)(target.index)
        target.requires_grad = target.requires_grad or result.requires_grad
        target.is_leaf = target.is_leaf and not result.requires_grad


def assign(b: Language) -> None:
    """A write that has no other form: fill_, zero_, copy_, an assignment to an index."""
    found = targets(b)
    if not found:
        return
    target = b.recent(found)
    kind = b.pick(("setitem", "copy_", "fill_", "zero_"))
    if kind == "setitem":
        part = target.shape[1:] if target.shape else ()
        index = b.choose(target.shape[0]) if target.shape and target.shape[0] else ...
        like = part if target.shape and target.shape[0] else target.shape
        b.write(target, kind, index, b.leaf(like, target.dtype) if b.chance(2) else b.pick((2, 0.5)))
    elif kind == "copy_":
        others = [v for v in b.operands() if v.shape == target.shape and not b.shared([v]) & b.shared([target])]
        b.write(target, kind, b.recent(others) if others else b.leaf(target.shape, target.dtype))
    else:
        b.write(target, kind, *((b.pick((2, 0.5)),) if kind == "fill_" else ()))


def leaf(b: Language) -> None:
    b.leaf(b.draw_shape(), requires_grad=not b.chance(4))


def constant(b: Language) -> None:
    b.leaf(b.draw_shape(), domain=NONZERO, requires_grad=False)


def function(b: Language) -> None:
    """A custom Function of one or two arguments, with one or two outputs."""
    pool = b.operands()
    if not pool:
        return
    x, kind = b.pick(pool), b.choose(5)
    b.plain = False
    if kind == 4:
        result = b.transform("function", None, [x], parts=((x.shape, x.dtype),) * 2, rule=b.pick(TWO_OUTPUTS))
        b.item(result, b.choose(2))
        return
    if kind == 3:
        same = [v for v in pool if v.shape == x.shape]
        result = b.transform("function", None, [x, b.pick(same)], rule=b.pick(TWO_ARGUMENTS))
    else:
        result = b.transform("function", None, [x], rule=b.pick(FUNCTIONS))
    result.shape, result.dtype = x.shape, x.dtype
    b.memory[result.index] = b.shared([x])


def transform(b: Language) -> None:
    """A function transform of a smooth region, which may close over another value."""
    kind = b.pick(KINDS)
    pool = [v for v in b.operands() if prod(v.shape) <= SMALL or kind not in MATRICES]
    pool = [v for v in pool if v.shape] if kind == "vmap" else pool
    if not pool or (is_complex(b.dtype) and kind in ("grad", "jacrev", "jacfwd", "hessian")):
        return
    x = b.recent(pool)
    # Under vmap the region sees one slice; what it closes over is whole.
    captures = [b.pick(b.operands())] if b.chance(4) and kind != "vmap" else []
    captures = [v for v in captures if v.shape == x.shape]
    scalar = kind in ("grad", "hessian")

    def body(inner: Builder, values: list[Value]) -> list[Value]:
        return [inner.scalar(*values) if scalar else inner.smooth(*values)]

    region = b.region([x, *captures], body)
    b.plain = False
    result = b.transform(kind, region, [x], captures=captures, **_options(b, kind, x))
    if kind in ("checkpoint", "vmap", "grad"):
        result.shape, result.dtype = x.shape, x.dtype
    elif kind not in MATRICES:
        # Of the second derivatives only the gradients' change is given.
        result.parts = ((x.shape, x.dtype),) * (2 if kind in ("vjp", "jvp") else 1)
        b.item(result, b.choose(len(result.parts)))
    else:
        result.known = False


def _options(b: Language, kind: str, x: Value) -> dict[str, Any]:
    if kind == "checkpoint":
        return {"use_reentrant": bool(b.choose(2))}
    if kind == "vmap":
        return {"in_dims": 0, "out_dims": 0}
    if kind in ("grad", "jacrev", "jacfwd", "hessian"):
        return {"argnums": 0}
    wanted = [name for word, name in (("vjp", "cotangents"), ("jvp", "tangents")) if word in kind]
    return {name: (b.like(x),) for name in wanted}
