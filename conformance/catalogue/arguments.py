"""Argument strategies: reusable ways to draw an operator's arguments.

Every strategy takes ``**options``: keyword arguments of the operator with the values to choose from, the first being
the simplest (``unary(approximate=("none", "tanh"))``). They are always passed explicitly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..drawing.domains import CONDITION, DISTINCT, REAL, Domain
from ..drawing.shapes import Shape, broadcast, draw_broadcastable, reduced
from ..programs.leafdata import LAYOUTS
from ..programs.promotion import result_dtype, to_floating
from . import Strategy

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

Options = dict[str, tuple[Any, ...]]
Drawn = tuple[tuple[Any, ...], dict[str, Any]]
INPLACE = ("function", "method", "inplace")


def draw_options(b: Builder, options: Options) -> dict[str, Any]:
    """A value for every option."""
    return {name: values[b.choose(len(values))] for name, values in options.items()}


def keep_dtype(dtype: str) -> str:
    return dtype


def to_bool(dtype: str) -> str:
    return "bool"


def unary(
    domain: Domain = REAL,
    rank: tuple[int, int] = (0, 4),
    result: Callable[[str], str] = to_floating,
    forms: tuple[str, ...] = INPLACE,
    **options: Any,
) -> Strategy:
    """One tensor, an output of its shape."""

    def draw(b: Builder) -> Drawn:
        return (b.operand(rank=rank, domain=domain),), draw_options(b, options)

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((args[0].shape, result(args[0].dtype)),)

    return Strategy(draw, infer, forms)


def broadcast_shapes(args: tuple[Any, ...]) -> Shape:
    """The broadcast shape of the tensors among arguments."""
    return broadcast(*(a.shape for a in args if hasattr(a, "shape")))


def promoted(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Broadcast shape, promoted dtype."""
    return ((broadcast_shapes(args), result_dtype(*args)),)


def compared(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((broadcast_shapes(args), "bool"),)


def divided(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((broadcast_shapes(args), to_floating(result_dtype(*args))),)


MIXED = ("int64", "float64", "float32", "bool")


def draw_scalar(b: Builder, domain: Domain) -> int | float:
    """A Python number of a domain: an int where it is whole, half of the time."""
    value = domain.values[b.choose(len(domain.values))] if domain.values else float(b.integer(1, 4))
    return int(value) if value == int(value) and b.choose(2) == 0 else float(value)


def binary(
    domain: Domain = REAL,
    other: Domain | None = None,
    scalars: bool = True,
    mixed: bool = True,
    infer: Any = promoted,
    forms: tuple[str, ...] = INPLACE,
    rank: tuple[int, int] = (0, 4),
    **options: Any,
) -> Strategy:
    """Two operands that broadcast. Either may be the smaller one; the second may be the first itself, a Python
    number, or of another dtype."""
    second = other or domain

    def draw(b: Builder) -> Drawn:
        first = b.operand(rank=rank, domain=domain)
        kind = 12 - b.choose(3) if b.sizes == "broadcast" else b.choose(17)
        if kind == 15 and scalars:
            return (first, draw_scalar(b, second)), draw_options(b, options)
        if kind == 14 and second is domain:
            return (first, first), draw_options(b, options)
        dtype = b.pick(MIXED) if kind in (13, 16) and mixed and second.jitter else None
        if kind in (10, 11, 12):
            shape = draw_broadcastable(b.source, first.shape)
            return (b.operand(shape, domain=domain), b.operand(first.shape, domain=second)), draw_options(b, options)
        shape = first.shape if kind == 0 else draw_broadcastable(b.source, first.shape)
        return (first, b.operand(shape, domain=second, dtype=dtype)), draw_options(b, options)

    return Strategy(draw, infer, forms)


def nary(*domains: Domain, infer: Any = promoted, forms: tuple[str, ...] = INPLACE, **options: Any) -> Strategy:
    """Several tensors that broadcast with the first, or now and then with the last."""

    def draw(b: Builder) -> Drawn:
        whole = -1 if b.chance(4) else 0
        full = b.operand(domain=domains[whole])
        others = domains[:-1] if whole else domains[1:]
        rest = [b.operand(draw_broadcastable(b.source, full.shape), domain=domain) for domain in others]
        return (*rest, full) if whole else (full, *rest), draw_options(b, options)

    return Strategy(draw, infer, forms)


def chosen() -> Strategy:
    """A condition and two operands, all three broadcasting."""

    def draw(b: Builder) -> Drawn:
        first = b.operand()
        second = b.operand(draw_broadcastable(b.source, first.shape))
        condition = b.operand(draw_broadcastable(b.source, first.shape), dtype="bool", domain=CONDITION)
        return (condition, first, second), {}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((broadcast_shapes(args), result_dtype(*args[1:])),)

    return Strategy(draw, infer, ("function",))


def draw_dim(b: Builder, rank: int) -> int:
    """A dimension, counted from the front or from the end."""
    if rank == 0:
        return (0, -1)[b.choose(2)]
    return b.choose(2 * rank) - rank if b.choose(2) else b.choose(rank)


def draw_dims(b: Builder, rank: int) -> tuple[int, ...]:
    """One or more different dimensions."""
    if rank == 0:
        return (0,)
    chosen = b.choose((1 << rank) - 1) + 1
    negative = b.choose(2) * rank
    return tuple(d - negative for d in range(rank) if chosen >> d & 1)


def reduction(
    dims: str = "many",
    domain: Domain = REAL,
    empty: bool = True,
    result: Callable[[str], str] = keep_dtype,
    outputs: tuple[Callable[[str], str], ...] | None = None,
    rank: tuple[int, int] = (0, 4),
    forms: tuple[str, ...] = ("function", "method"),
    **options: Any,
) -> Strategy:
    """A reduction over ``all`` dimensions, ``one`` of them or ``many``, with keepdim. ``empty``: whether it is defined
    over no elements."""

    def draw(b: Builder) -> Drawn:
        shape = None if empty else _nonempty(b, rank)
        x = untied(b, shape) if shape is not None and _ordered(b, domain) else b.operand(shape, rank, domain)
        attrs = draw_options(b, options)
        if dims == "all":
            return (x,), attrs
        dim = draw_dim(b, len(x.shape)) if dims == "one" else draw_dims(b, len(x.shape))
        return (x,), {"dim": dim, "keepdim": bool(b.choose(2)), **attrs}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        shape = reduced(args[0].shape, attrs.get("dim"), attrs.get("keepdim", False))
        return tuple((shape, kind(args[0].dtype)) for kind in outputs or (result,))

    return Strategy(draw, infer, forms)


def _ordered(b: Builder, domain: Domain) -> bool:
    """Whether the order of the elements matters, and ties aren't what is tested."""
    return domain.distinct and b.override is None


def untied(b: Builder, shape: Shape) -> Value:
    """An operand without equal elements, and so not of an expanded layout, which would repeat them."""
    layout = LAYOUTS[b.choose(len(LAYOUTS) - 1)] if b.chance(4) or b.sizes == "layout" else "contiguous"
    return b.leaf(shape, domain=DISTINCT, requires_grad=b.choose(8) != 7, layout=layout)


def _nonempty(b: Builder, rank: tuple[int, int]) -> Shape:
    return tuple(d or 1 for d in b.shape(*rank))


def along_dim(domain: Domain = REAL, result: Callable[[str], str] = keep_dtype, **options: Any) -> Strategy:
    """One tensor and one dimension, an output of its shape (cumsum, softmax, sort's values)."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(rank=(0, 4), domain=domain)
        return (x,), {"dim": draw_dim(b, len(x.shape)), **draw_options(b, options)}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((args[0].shape, result(args[0].dtype)),)

    return Strategy(draw, infer, ("function", "method"))


def custom(
    draw: Callable[[Builder], Drawn],
    infer: Callable[[tuple[Any, ...], dict[str, Any]], Any] = lambda args, attrs: None,
    forms: tuple[str, ...] = ("function", "method"),
) -> Strategy:
    """A strategy of its own, for operators with unusual arguments."""
    return Strategy(draw, infer, forms)


def matrix_product(left: tuple[int, int], right: tuple[int, int]) -> Strategy:
    """Two operands of ranks in the given ranges whose inner dimensions agree and whose batch dimensions broadcast."""

    def draw(b: Builder) -> Drawn:
        inner, batch = b.extent((2, 1, 3, 5, 8, 0), 257), b.pick(((), (2,), (3, 1), (2, 3)))
        ranks = (b.integer(*left), b.integer(*right))
        rows, columns = b.extent((2, 1, 3, 5), 256), b.extent((3, 2, 1, 4, 8), 258)
        a = (inner,) if ranks[0] == 1 else (*_tail(batch, ranks[0] - 2), rows, inner)
        c = (inner,) if ranks[1] == 1 else (*_batch(b, _tail(batch, ranks[1] - 2)), inner, columns)
        return (b.operand(a), b.operand(c)), {}

    return Strategy(draw, _matmul_shape)


def _tail(shape: Shape, count: int) -> Shape:
    return shape[len(shape) - count :] if 0 < count <= len(shape) else shape if count > 0 else ()


def _batch(b: Builder, shape: Shape) -> Shape:
    ones = b.choose(1 << len(shape))
    return tuple(1 if ones >> i & 1 else d for i, d in enumerate(shape))


def _matmul_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    a, c = args[0].shape, args[1].shape
    batch = broadcast(a[:-2], c[:-2])
    rows, columns = a[-2:-1], c[-1:] if len(c) > 1 else ()
    return (((*batch, *rows, *columns), result_dtype(*args)),)
