"""What a whole-language program is built from: a pool of values, the operators, and which values may share memory."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..catalogue import Operator, operators
from ..programs.leafdata import is_differentiable
from ..programs.program import Leaf
from .build import Builder, Value, values_in
from .domains import REAL, Domain
from .shapes import Shape, draw_shape
from .source import Source

# They read operands while they write: what memory shared with one gives is undefined, and PyTorch doesn't look.
ACCUMULATING = ("addmm", "addmv", "addbmm", "baddbmm", "addr", "masked_scatter")
# They write element by element where PyTorch only warns that elements share memory: the last one stays, in an order of
# the engine's own.
ELEMENTWISE = ("index_put", "index_fill", "masked_fill")
FOLDING = ("expand", "expand_as", "broadcast_to", "broadcast_tensors", "as_strided", "unfold")


@cache
def menu() -> tuple[tuple[Operator, ...], tuple[Operator, ...], tuple[Operator, ...]]:
    """(all differentiable operators, the views among them, those with an in-place twin)."""
    known = [line for line in operators().values() if line.family != "variants"]
    lines = [line for line in known if line.differentiable and line.gauge is None]
    return (
        tuple(lines),
        tuple(line for line in lines if line.view),
        tuple(line for line in lines if "inplace" in line.forms and not line.jumps),
    )


class Language(Builder):
    """A builder whose operands are mostly values made before.

    ``memory`` says which leaves or results a value's memory may be part of; ``plain``: so far every node is one that
    PyTorch names, so graphs can be compared; ``composite``: values whose node is an engine's own affair; ``computed``:
    what a formula made, in as many writes as it likes.
    """

    def __init__(self, source: Source, dtype: str) -> None:
        super().__init__(source, dtype)
        self.dropped: set[int] = set()
        self.spent: set[int] = set()
        self.memory: dict[int, frozenset[int]] = {}
        self.folded: set[int] = set()
        self.composite: set[int] = set()
        self.computed: set[int] = set()
        self.plain = True

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

    def call(self, op: str, *args: Any, form: str = "function", **attrs: Any) -> Value:
        result = super().call(op, *args, form=form, **attrs)
        line = operators()[op]
        self.plain = self.plain and line.graph == "spec"
        if line.graph != "spec":
            self.composite.add(result.index)
        # What aliases an operand does no arithmetic.
        if line.exact or line.view or form == "inplace":
            self.memory[result.index] = self.shared((*args, *attrs.values()))
        if op in FOLDING or self.is_folded(args):
            self.folded.add(result.index)
        return result

    def write(self, target: Value, kind: str, *args: Any) -> Value:
        result = super().write(target, kind, *args)
        self.memory[result.index] = self.shared([target])
        return result

    def leaf(self, *args: Any, **options: Any) -> Value:
        made = super().leaf(*args, **options)
        step = self.steps[-1]
        if isinstance(step, Leaf) and step.layout == "expanded":
            self.folded.add(made.index)
        return made

    def is_folded(self, args: Any) -> bool:
        """Whether elements of an argument may share memory."""
        return any(v.index in self.folded for v in values_in(args))

    def item(self, value: Value, index: int) -> Value:
        result = super().item(value, index)
        self.memory[result.index] = self.shared([value])
        for kind in (self.folded, self.composite, self.computed):
            if value.index in kind:
                kind.add(result.index)
        return result

    def transform(self, kind: str, *args: Any, **options: Any) -> Value:
        result = super().transform(kind, *args, **options)
        if kind != "function":
            self.composite.add(result.index)
            self.computed.add(result.index)
        return result

    def shared(self, args: Any) -> frozenset[int]:
        """The memory that arguments may be part of."""
        return frozenset().union(*(self.memory.get(v.index, {v.index}) for v in values_in(args)))

    def pool(self) -> list[Value]:
        """Tensors that are alive and of known shape."""
        return [v for v in self.values if v.known and v.dtype and v.parts is None and v.index not in self.dropped]

    def operands(self) -> list[Value]:
        """Those of the program's own dtype."""
        return [v for v in self.pool() if v.dtype == self.dtype]

    def recent(self, found: list[Value], count: int = 5) -> Value:
        """One of the last few, the last being the simplest."""
        return found[-1 - self.choose(min(len(found), count))]

    def tracked(self) -> list[Value]:
        """Values to differentiate from; those whose graph was freed only now and then."""
        found = [v for v in self.pool() if v.requires_grad and not v.is_leaf and is_differentiable(v.dtype)]
        fresh = [v for v in found if v.index not in self.spent]
        return found if self.chance(8) else fresh

    def leaves(self) -> list[Value]:
        return [v for v in self.pool() if v.requires_grad and v.is_leaf]


class Fixed(Language):
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
