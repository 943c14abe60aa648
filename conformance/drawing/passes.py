"""What a whole-language program may do next with a graph: backward passes, hooks, flags, gradients, drops, looks."""

from __future__ import annotations

from ..programs.leafdata import is_complex, is_differentiable
from .build import Value
from .vocabulary import Language

TENSOR_ACTIONS = ("record", "double", "negate", "clone", "zero", "none", "square", "raise")
NODE_ACTIONS = ("record", "record", "double", "negate", "clone")
LEAF_ACTIONS = ("record", "record", "scale_grad", "step")


def backward(b: Language) -> None:
    found = b.tracked()
    if not found:
        return
    root = b.recent(found, 4)
    if b.chance(6):
        _backward_together(b, [root, b.recent(found, 4)])
        return
    keep, create = bool(b.choose(2)), b.chance(10)
    inputs = _inputs(b) if b.chance(8) else None
    single = root.shape == () and not is_complex(root.dtype) and b.choose(2)
    b.plain = b.plain and not create
    b.backward(
        root,
        gradient=None if single else b.like(root),
        retain_graph=None if create and b.chance(2) else keep,
        inputs=inputs,
        create_graph=create,
    )
    if not keep:
        b.spent.update(v.index for v in b.values if v.index <= root.index)


def _backward_together(b: Language, roots: list[Value]) -> None:
    """Several roots in one pass, seeds of some left out where that is allowed."""
    seeds = [None if r.shape == () and not is_complex(r.dtype) and b.chance(2) else b.like(r) for r in roots]
    b.backward(*roots, gradient=seeds, retain_graph=True, inputs=_inputs(b) if b.chance(4) else None)


def _inputs(b: Language) -> list[Value] | None:
    """One or two leaves, or values on the way."""
    found = b.leaves() + (b.tracked() if b.chance(3) else [])
    return [b.pick(found) for _ in range(b.integer(1, 2))] if found else None


def grad(b: Language) -> None:
    roots, wanted = b.tracked(), [v for v in b.pool() if v.requires_grad]
    if not roots or not wanted:
        return
    outputs = [b.recent(roots, 4) for _ in range(2 if b.chance(6) else 1)]
    inputs = [b.pick(wanted) for _ in range(2 if b.chance(4) else 1)]
    live, zeros = b.chance(3), b.chance(8)
    b.plain = b.plain and not live
    result = b.grad(
        outputs,
        inputs,
        [b.like(root) for root in outputs],
        retain_graph=True,
        create_graph=live,
        allow_unused=True if zeros else not b.chance(8),
        materialize_grads=zeros,
    )
    # Whether the gradient is None or a constant isn't known here: it is observed, not used.
    b.item(result, b.choose(len(inputs))).known = False


def double(b: Language) -> None:
    """A gradient's own gradient, through a product, which always needs one."""
    inputs = b.leaves()
    if not inputs:
        return
    x = b.pick(inputs)
    root = b.call("sum", b.call("mul", b.smooth(x, depth=1), x))
    b.plain = False
    first = b.item(b.grad([root], [x], None if not is_complex(b.dtype) else [b.like(root)], create_graph=True), 0)
    first.requires_grad, first.is_leaf = True, False


def hook(b: Language) -> None:
    kind = b.pick(("tensor", "tensor", "post_accumulate", "node_pre", "node_post"))
    pool = b.leaves() if kind == "post_accumulate" else b.tracked() + b.leaves()
    if kind.startswith("node"):
        # How many nodes a composite makes, and of how many inputs, is its own affair.
        pool = [v for v in pool if v.index not in b.composite]
    if not pool:
        return
    actions = {"tensor": TENSOR_ACTIONS, "post_accumulate": LEAF_ACTIONS}.get(kind, NODE_ACTIONS)
    made = b.hook(b.pick(pool), b.pick(actions), kind)
    if b.chance(5):
        b.remove_hook(made)


def multi_hook(b: Language) -> None:
    pool = b.tracked() + b.leaves()
    if pool:
        b.multi_hook([b.pick(pool) for _ in range(b.integer(1, 3))], b.pick(("all", "any")), f"m{len(b.steps)}")


def retain_grad(b: Language) -> None:
    found = b.tracked()
    if found:
        value = b.pick(found)
        b.retain_grad(value)
        if b.chance(2):
            b.grad_of(value).known = False


def flag(b: Language) -> None:
    pool = b.pool()
    if pool:
        value = b.pick(pool)
        kind = b.pick(("requires_grad_", "requires_grad", "detach_"))
        setting = True if not value.is_leaf else bool(b.choose(2))
        b.flag(value, kind, setting and is_differentiable(value.dtype)).known = False


def observe(b: Language) -> None:
    pool = b.pool()
    if pool:
        aspects = ("flags", "version", "layout", *(("graph",) if b.plain else ()))
        value = b.recent(pool, 6)
        if b.shared([value]) & b.computed:
            aspects = tuple(aspect for aspect in aspects if aspect != "version")
        b.observe(value, *aspects).known = False


def grad_of(b: Language) -> None:
    """A gradient read as a value, with its strides. (How often a formula writes to what it makes, and its strides in
    dimensions of size 1, are its own.)"""
    if b.leaves():
        x = b.pick(b.leaves())
        found = b.grad_of(x)
        found.known = False
        b.observe(found, "flags", *(("layout",) if all(n > 1 for n in x.shape) else ())).known = False


def set_grad(b: Language) -> None:
    if b.leaves():
        x = b.pick(b.leaves())
        b.set_grad(x, b.like(x) if b.chance(3) else None)


def drop(b: Language) -> None:
    pool = b.pool()
    if len(pool) > 2:
        value = b.pick(pool)
        b.dropped.add(value.index)
        b.drop(value)
