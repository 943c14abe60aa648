"""The same values in another dtype, layout or reading: casts, conjugates, parts, and shapes taken from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import NONZERO, OFF_GRID, special
from ..programs.leafdata import COMPLEX, FLOATING, HALF
from ..programs.program import Dtype
from . import NUMERIC, operator
from .arguments import Drawn, custom, draw_scalar, keep_dtype, unary
from .places import filled, same
from .shape import regroup

if TYPE_CHECKING:
    from ..drawing.build import Builder

METHOD, FUNCTION, BOTH, ATTRIBUTE = ("method",), ("function",), ("function", "method"), ("attribute",)
REAL_PART = {"complex64": "float32", "complex128": "float64"}
WITH_PARTS = {"float32": "complex64", "float64": "complex128"}
REAL_DTYPES = FLOATING + HALF


def _cast(name: str, target: str, dtypes: tuple[str, ...]) -> None:
    memory = (Dtype("preserve_format"), Dtype("contiguous_format"))
    strategy = unary(result=lambda dtype: target, forms=METHOD, memory_format=memory)
    operator(name, strategy, dtypes=dtypes, exact=True)


_cast("half", "float16", REAL_DTYPES)
_cast("float", "float32", REAL_DTYPES)
_cast("double", "float64", REAL_DTYPES)
_cast("cfloat", "complex64", NUMERIC)
_cast("cdouble", "complex128", NUMERIC)


def _to(b: Builder) -> Drawn:
    """A dtype, another tensor, or a device and a dtype; with copy and non_blocking."""
    x = b.operand()
    # What has no gradient is no huge program's result.
    whole = () if b.sizes == "huge" else ("int64",)
    targets = COMPLEX if x.dtype in COMPLEX else (*REAL_DTYPES, *COMPLEX, *whole)
    kind = b.pick(targets)
    attrs = {"non_blocking": bool(b.choose(2)), "copy": bool(b.choose(2))}
    way = b.choose(4)
    if way == 2:
        return (x, b.leaf((), kind, requires_grad=False)), attrs
    return (x, *(("cpu",) if way == 3 else ()), Dtype(kind)), attrs


def _converted(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    target = args[-1]
    return ((args[0].shape, target.name if isinstance(target, Dtype) else target.dtype),)


operator("to", custom(_to, _converted, METHOD), dtypes=NUMERIC + HALF, exact=True)


# Complex numbers.


def real_part(dtype: str) -> str:
    return REAL_PART.get(dtype, dtype)


operator("conj", unary(result=keep_dtype, forms=BOTH), dtypes=NUMERIC, exact=True, view=True)
operator("real", unary(result=real_part, forms=("function", "attribute")), dtypes=NUMERIC, exact=True, view=True)
operator("imag", unary(result=real_part, forms=("function", "attribute")), dtypes=COMPLEX, exact=True, view=True)


def _pairs(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return (((*args[0].shape, 2), real_part(args[0].dtype)),)


def _complexes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape[:-1], WITH_PARTS[args[0].dtype]),)


def _whole(b: Builder) -> Drawn:
    return (b.operand(rank=(0, 3)),), {}


def _ending_in_two(b: Builder) -> Drawn:
    """Pairs of numbers; their strides must let a pair be read as one."""
    layout = b.pick(("contiguous", "contiguous", "offset", "fortran"))
    return (b.leaf((*b.draw_shape(0, 3), 2), layout=layout),), {}


operator("view_as_real", custom(_whole, _pairs, FUNCTION), dtypes=COMPLEX, exact=True, view=True)
operator("view_as_complex", custom(_ending_in_two, _complexes, FUNCTION), dtypes=FLOATING, exact=True, view=True)


def _conjugated(b: Builder, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """Most often the conjugate, which is a view that is to be conjugated."""
    return (b.call("conj", args[0]),) if b.choose(3) else args


def _negated(b: Builder, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """Of a complex tensor most often the imaginary part of the conjugate, which is a view that is to be negated."""
    if args[0].dtype not in COMPLEX or b.choose(3) == 0:
        return args
    return (b.call("imag", b.call("conj", args[0])),)


operator("resolve_conj", unary(result=keep_dtype, forms=BOTH), dtypes=NUMERIC, exact=True, prepare=_conjugated)
operator("resolve_neg", unary(result=keep_dtype, forms=BOTH), dtypes=NUMERIC, exact=True, prepare=_negated)


# Transposes.


def _flat(b: Builder) -> Drawn:
    return (b.operand(rank=(0, 2)),), {}


def _matrix(b: Builder) -> Drawn:
    return (b.operand(rank=(2, 2)),), {}


def _batch(b: Builder) -> Drawn:
    return (b.operand(rank=(2, 4)),), {}


def _reversed(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape[::-1], args[0].dtype),)


def _last_swapped(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, rows, columns = args[0].shape
    return (((*batch, columns, rows), args[0].dtype),)


operator("T", custom(_flat, _reversed, ATTRIBUTE), dtypes=NUMERIC, exact=True, view=True)
operator("H", custom(_matrix, _reversed, ATTRIBUTE), dtypes=NUMERIC, exact=True, view=True)
operator("mT", custom(_batch, _last_swapped, ATTRIBUTE), dtypes=NUMERIC, exact=True, view=True)
operator("mH", custom(_batch, _last_swapped, ATTRIBUTE), dtypes=NUMERIC, exact=True, view=True)


# Shapes and layouts taken from elsewhere.


def _contiguous(b: Builder) -> Drawn:
    x = b.operand(rank=(4, 4) if b.chance(3) else (0, 4))
    formats = ("contiguous_format", *(("channels_last",) if len(x.shape) == 4 else ()))
    return (x,), {"memory_format": Dtype(b.pick(formats))}


def _of_second(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[1].shape, args[0].dtype),)


def _regrouped(b: Builder) -> Drawn:
    x = b.operand()
    return (x, b.operand(regroup(b, x.shape), grad=False)), {}


def _widened(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 3))
    wide = tuple(b.pick((2, 3)) if d == 1 else d for d in x.shape)
    return (x, b.operand((*((b.pick((2, 1)),) * b.choose(2)), *wide), grad=False)), {}


operator("contiguous", custom(_contiguous, same, METHOD), dtypes=NUMERIC, exact=True, graph="free")
operator("expand_as", custom(_widened, _of_second, METHOD), dtypes=NUMERIC, exact=True, view=True)
operator("view_as", custom(_regrouped, _of_second, METHOD), dtypes=NUMERIC, exact=True, view=True)
operator("reshape_as", custom(_regrouped, _of_second, METHOD), dtypes=NUMERIC, exact=True, graph="free")


def _filling(b: Builder) -> Drawn:
    x = b.operand()
    return (x, b.operand((), domain=NONZERO) if b.choose(2) else draw_scalar(b, NONZERO)), {}


operator("fill", custom(_filling, same, ("function", "inplace")), dtypes=NUMERIC, exact=True, twice=False)


def _fraction_and_power(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype), (args[0].shape, "int32"))


def _off_grid(b: Builder) -> Drawn:
    return (b.operand(domain=OFF_GRID),), {}


operator(
    "frexp", custom(_off_grid, _fraction_and_power), outputs=("mantissa", "exponent"), exact=True, jumps=True,
    kinks=special(0.0, 1.0, 0.5),
)  # fmt: skip


def _classes(b: Builder) -> Drawn:
    from .places import draw_places

    count = b.pick((3, 1, 5))
    return (draw_places(b, count, filled(b.draw_shape(0, 3))),), {"num_classes": b.pick((count, -1, count + 2))}


operator("nn.functional.one_hot", custom(_classes, forms=FUNCTION), dtypes=("int64",), exact=True,
         differentiable=False)  # fmt: skip
