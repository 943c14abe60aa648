"""Whole-language programs: calls, views, writes, hooks, modes, several backward passes, drops, in one program.

The builder's abstract state keeps most steps valid (about 85 %); the rest are errors that both engines must raise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from .build import Builder, Value
from .catalogue import Operator, operators
from .domains import NONZERO, REAL, Domain
from .leafdata import is_complex, is_differentiable
from .program import Program
from .shapes import Shape, draw_shape
from .source import Source

DTYPES = ("float32", "float64", "float64", "float32", "complex128")
MODES = ("no_grad", "enable_grad", "saved_hooks:identity", "saved_hooks:count", "saved_hooks:copy")
FUNCTIONS = ("square", "triple_gradient", "no_gradient")
LARGEST = 64
# They read operands while they write: what memory shared with one gives is undefined, and PyTorch doesn't look. A clone
# shares none.
ACCUMULATING = ("addmm", "addmv", "addbmm", "baddbmm", "addr")


@cache
def _menu() -> tuple[tuple[Operator, ...], tuple[Operator, ...], tuple[Operator, ...]]:
    """(all differentiable operators, the views among them, those with an in-place twin)."""
    lines = [line for line in operators().values() if line.differentiable and line.gauge is None]
    return (
        tuple(lines),
        tuple(line for line in lines if line.view),
        tuple(line for line in lines if "inplace" in line.forms and not line.jumps),
    )


class Language(Builder):
    """A builder whose operands are mostly values made before."""

    def __init__(self, source: Source, dtype: str) -> None:
        super().__init__(source, dtype)
        self.dropped: set[int] = set()
        self.spent: set[int] = set()

    def operand(
        self,
        shape: Shape | None = None,
        rank: tuple[int, int] = (0, 4),
        domain: Domain = REAL,
        dtype: str | None = None,
        grad: bool = True,
    ) -> Value:
        """A value of the pool three times in four, where one fits; what has a domain of its own is a new leaf."""
        if domain is REAL and dtype is None and self.choose(4) != 3:
            found = [v for v in self.pool() if self._fits(v, shape, rank)]
            if found:
                return found[-1 - self.choose(min(len(found), 6))]
        return super().operand(shape, rank, domain, dtype, grad)

    def draw_shape(self, low: int = 0, high: int = 4) -> Shape:
        """Small shapes: a program has many values."""
        shape = draw_shape(self.source, low, min(high, max(low, 3)))
        return tuple(min(d, 5) for d in shape)

    def _fits(self, value: Value, shape: Shape | None, rank: tuple[int, int]) -> bool:
        if value.dtype != self.dtype:
            return False
        return value.shape == shape if shape is not None else rank[0] <= len(value.shape) <= rank[1]

    def pool(self) -> list[Value]:
        """Tensors that are alive and of known shape."""
        return [v for v in self.values if v.known and v.dtype and v.parts is None and v.index not in self.dropped]

    def tracked(self) -> list[Value]:
        """Values to differentiate from; those whose graph was freed only now and then."""
        found = [v for v in self.pool() if v.requires_grad and not v.is_leaf and is_differentiable(v.dtype)]
        fresh = [v for v in found if v.index not in self.spent]
        return found if self.chance(8) else fresh

    def leaves(self) -> list[Value]:
        return [v for v in self.pool() if v.requires_grad and v.is_leaf]


def language(source: Source) -> Program:
    """A whole-language program of 4 to 20 steps after its first leaves."""
    b = Language(source, DTYPES[source.choose(len(DTYPES))])
    for _ in range(b.integer(1, 2)):
        b.leaf(b.draw_shape())
    for _ in range(b.integer(3, 16)):
        step = STEPS[source.choose(len(STEPS))]
        if b.chance(10):
            with b.mode(b.pick(MODES)):
                step(b)
        else:
            step(b)
    _finish(b)
    return b.program()


def _finish(b: Language) -> None:
    """A last backward pass, so that what went before shows in gradients."""
    found = b.tracked()
    if found:
        root = found[-1]
        b.backward(root, gradient=b.like(root))


def _call(b: Language) -> None:
    lines = _menu()[0]
    line = lines[b.choose(len(lines))]
    if is_complex(b.dtype) and b.dtype not in line.dtypes:
        return
    result = b.apply(line)
    if result.parts is not None:
        b.item(result, b.choose(len(result.parts)))


def _smooth(b: Language) -> None:
    pool = [v for v in b.pool() if v.dtype == b.dtype]
    if pool:
        b.smooth(pool[-1 - b.choose(min(len(pool), 5))], depth=1)


def _view(b: Language) -> None:
    lines = _menu()[1]
    b.apply(lines[b.choose(len(lines))])


def _write(b: Language) -> None:
    """An in-place call; into a leaf that requires grad only seldom, since that is an error."""
    lines = _menu()[2]
    line = lines[b.choose(len(lines))]
    targets = [v for v in b.pool() if v.dtype == b.dtype and (not (v.is_leaf and v.requires_grad) or b.chance(10))]
    if not targets or (is_complex(b.dtype) and b.dtype not in line.dtypes):
        return
    target = targets[-1 - b.choose(min(len(targets), 5))]
    if line.name in ACCUMULATING:
        target = b.call("clone", target)
    args, attrs = line.strategy.draw(_Fixed(b, target, exact=line.name in ACCUMULATING))
    result = b.call(line.name, *args, form="inplace", **attrs)
    target = args[0]
    if isinstance(target, Value):
        target.requires_grad = target.requires_grad or result.requires_grad
        target.is_leaf = target.is_leaf and not result.requires_grad


class _Fixed(Language):
    """The same builder, whose first operand is given."""

    def __init__(self, outer: Language, target: Value, exact: bool = False) -> None:
        self.__dict__.update(outer.__dict__)
        self._target: Value | None = target
        self._exact = exact

    def operand(
        self,
        shape: Shape | None = None,
        rank: tuple[int, int] = (0, 4),
        domain: Domain = REAL,
        dtype: str | None = None,
        grad: bool = True,
    ) -> Value:
        if self._target is None:
            return super().operand(shape, rank, domain, dtype, grad)
        target, self._target = self._target, None
        if self._exact:
            if target.shape != shape:
                target = self.leaf(shape, dtype, domain, requires_grad=False, layout="contiguous")
            self.dropped = self.dropped | {target.index}
            return target
        if shape is None or (len(target.shape) == len(shape) and (all(target.shape) or not all(shape))):
            return target
        # The operator needs another rank, or elements: the write goes into a constant.
        return self.leaf(shape, dtype, domain, requires_grad=False)


def _leaf(b: Language) -> None:
    b.leaf(b.draw_shape(), requires_grad=not b.chance(4))


def _backward(b: Language) -> None:
    found = b.tracked()
    if not found:
        return
    root = found[-1 - b.choose(min(len(found), 4))]
    keep = bool(b.choose(2))
    inputs = [b.pick(b.leaves())] if b.chance(8) and b.leaves() else None
    single = root.shape == () and not is_complex(root.dtype) and b.choose(2)
    b.backward(root, gradient=None if single else b.like(root), retain_graph=keep, inputs=inputs)
    if not keep:
        b.spent.update(v.index for v in b.values if v.index <= root.index)


def _grad(b: Language) -> None:
    roots, inputs = b.tracked(), [v for v in b.pool() if v.requires_grad]
    if not roots or not inputs:
        return
    root, wanted = roots[-1 - b.choose(min(len(roots), 4))], b.pick(inputs)
    live = b.chance(3)
    result = b.grad(
        [root], [wanted], [b.like(root)], retain_graph=True, create_graph=live, allow_unused=not b.chance(8)
    )
    part = b.item(result, 0)
    # Whether the gradient is None or a constant isn't known here: it is observed, not used.
    part.known = False


def _double(b: Language) -> None:
    """A gradient's own gradient, through a product, which always needs one."""
    inputs = b.leaves()
    if not inputs:
        return
    x = b.pick(inputs)
    root = b.call("sum", b.call("mul", b.smooth(x, depth=1), x))
    first = b.item(b.grad([root], [x], None if not is_complex(b.dtype) else [b.like(root)], create_graph=True), 0)
    first.requires_grad, first.is_leaf = True, False


def _hook(b: Language) -> None:
    kind = b.pick(("tensor", "tensor", "post_accumulate", "node_pre", "node_post"))
    pool = b.leaves() if kind == "post_accumulate" else b.tracked() + (b.leaves() if kind == "tensor" else [])
    if not pool:
        return
    action = b.pick(("record", "double", "negate", "clone")) if kind == "tensor" else "record"
    hook = b.hook(b.pick(pool), action, kind)
    if b.chance(5):
        b.remove_hook(hook)


def _retain_grad(b: Language) -> None:
    found = b.tracked()
    if found:
        value = b.pick(found)
        b.retain_grad(value)


def _flag(b: Language) -> None:
    pool = b.pool()
    if pool:
        value = b.pick(pool)
        kind = b.pick(("requires_grad_", "requires_grad", "detach_"))
        setting = True if not value.is_leaf else bool(b.choose(2))
        known = b.flag(value, kind, setting and is_differentiable(value.dtype))
        known.known = False


def _observe(b: Language) -> None:
    pool = b.pool()
    if pool:
        b.observe(pool[-1 - b.choose(min(len(pool), 6))], "flags", "version", "layout").known = False


def _grad_of(b: Language) -> None:
    if b.leaves():
        b.grad_of(b.pick(b.leaves())).known = False


def _zero(b: Language) -> None:
    if b.leaves():
        b.set_grad(b.pick(b.leaves()), None)


def _drop(b: Language) -> None:
    pool = b.pool()
    if len(pool) > 2:
        value = b.pick(pool)
        b.dropped.add(value.index)
        b.drop(value)


def _function(b: Language) -> None:
    pool = [v for v in b.pool() if v.dtype == b.dtype]
    if pool:
        x = b.pick(pool)
        result = b.transform("function", None, [x], rule=b.pick(FUNCTIONS))
        result.shape, result.dtype = x.shape, x.dtype


def _constant(b: Language) -> None:
    b.leaf(b.draw_shape(), domain=NONZERO, requires_grad=False)


STEPS: tuple[Callable[[Language], None], ...] = (
    *((_call,) * 8),
    *((_smooth,) * 6),
    *((_view,) * 4),
    *((_write,) * 4),
    *((_backward,) * 3),
    *((_hook,) * 2),
    *((_observe,) * 3),
    *((_grad,) * 2),
    _double,
    _leaf,
    _constant,
    _retain_grad,
    _flag,
    _grad_of,
    _zero,
    _drop,
    _function,
)
