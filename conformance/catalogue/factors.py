"""Factorings that are unique, what is solved with them, and equations of tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..drawing.domains import FRACTION, Domain
from ..drawing.generate import require_grad
from ..drawing.shapes import Shape
from ..programs.leafdata import DTYPES
from ..programs.program import Leaf
from . import NUMERIC, operator
from .arguments import Drawn, custom, draw_options
from .matrices import BATCHES, MANY, hermitian, matrix, real_of, rectangular, square, system

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

FUNCTION, BOTH = ("function",), ("function", "method")
# No reflection is singular (τ·|v|² = 1): PyTorch 2.13 divides by that there.
REFLECTIONS = Domain("reflections", tuple(k / 7.3 for k in (1, 2, 3, 4, 5, -1, -2)), 0.1, 0.8, jitter=False)
ORDERS = (2, 1, 3, 4)
SMALL: tuple[Shape, ...] = ((), (2,), (3, 1), (1, 2))


def _line(name: str, strategy: Any, **options: Any) -> None:
    operator(name, strategy, dtypes=options.pop("dtypes", NUMERIC), **options)


def _same(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype),)


def shuffled(b: Builder, batch: Shape, rows: int, columns: int) -> Value:
    """A matrix whose rows are to be exchanged: the dominant entries stand off the diagonal."""
    made = matrix(b, batch, rows, columns)
    step = b.steps[-1]
    assert isinstance(step, Leaf) and isinstance(step.data, bytes)
    turn = b.choose(max(rows, 1))
    values = np.frombuffer(step.data, DTYPES[step.dtype]).reshape(step.shape)
    b.steps[-1] = replace(step, data=np.ascontiguousarray(np.roll(values, turn, -2)).tobytes())
    return made


def _shuffled(tall: bool = True, **options: Any) -> Any:
    def draw(b: Builder) -> Drawn:
        rows = b.extent(ORDERS, 2)
        return (shuffled(b, b.many(BATCHES, MANY), rows, b.extent(ORDERS, 2) if tall else rows),), draw_options(
            b, options
        )

    return draw


def _p_l_u(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, m, n = args[0].shape
    k, dtype = min(m, n), args[0].dtype
    return (((*batch, m, m), dtype), ((*batch, m, k), dtype), ((*batch, k, n), dtype))


def _packed(count: int) -> Any:
    """Packed factors, pivots, and for three outputs one number a matrix."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        *batch, m, n = args[0].shape
        outputs = ((args[0].shape, args[0].dtype), ((*batch, min(m, n)), "int32"), (tuple(batch), "int32"))
        return outputs[:count]

    return infer


PACKED = ("LU", "pivots", "info")
_line("linalg.lu", custom(_shuffled(pivot=(True,)), _p_l_u, FUNCTION), outputs=("P", "L", "U"), constant=(0,))
_line("linalg.lu_factor", custom(_shuffled(pivot=(True,)), _packed(2), FUNCTION), outputs=PACKED[:2])
_line(
    "linalg.lu_factor_ex", custom(_shuffled(pivot=(True,), check_errors=(False, True)), _packed(3), FUNCTION),
    outputs=PACKED,
)  # fmt: skip
_line("lu", custom(_shuffled(pivot=(True,)), _packed(2), BOTH), outputs=PACKED[:2], graph="free")


def _factored(b: Builder, batch: Shape, rows: int, columns: int) -> tuple[Value, Value]:
    """Packed factors and pivots of a drawn matrix. Huge programs are too few for one without a gradient."""
    a = shuffled(b, batch, rows, columns)
    if b.sizes == "huge":
        require_grad(b)
    found = b.call("linalg.lu_factor", a, pivot=True)
    return b.item(found, 0), b.item(found, 1)


def _unpack(b: Builder) -> Drawn:
    factored = _factored(b, b.many(SMALL, MANY), b.extent(ORDERS, 2), b.extent(ORDERS, 2))
    return factored, {"unpack_data": True, "unpack_pivots": not b.chance(3)}


def _unpack_pivots(b: Builder) -> Drawn:
    return _unpack(b)[0], {"unpack_data": False, "unpack_pivots": not b.chance(3)}


def _unpacked(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    P, L, U = _p_l_u(args, attrs)
    nothing = ((0,), args[0].dtype)
    data = (L, U) if attrs["unpack_data"] else (nothing, nothing)
    return (P if attrs["unpack_pivots"] else nothing, *data)


PARTS = ("P", "L", "U")
_line("lu_unpack", custom(_unpack, _unpacked, FUNCTION), outputs=PARTS, constant=(0,))
_line("lu_unpack.pivots", custom(_unpack_pivots, _unpacked, FUNCTION), outputs=PARTS, differentiable=False)


def _right_side(b: Builder, batch: Shape, rows: int, left: bool = True, huge: int = 2) -> Value:
    count = b.extent((2, 1, 3), huge)
    return b.operand((*batch, rows, count) if left else (*batch, count, rows))


def _blocks(b: Builder) -> tuple[Shape, int]:
    """Batch and order; in huge programs a few large matrices, which are factored faster than thousands of small ones."""
    return b.many(SMALL, (256,)), b.extent(ORDERS, 16)


def _solving_factored(b: Builder) -> Drawn:
    (batch, n), left = _blocks(b), not b.chance(2)
    LU, pivots = _factored(b, batch, n, n)
    return (LU, pivots, _right_side(b, batch, n, left, 16)), {"left": left, "adjoint": b.chance(2)}


def _solving_legacy(b: Builder) -> Drawn:
    batch, n = _blocks(b)
    LU, pivots = _factored(b, batch, n, n)
    return (_right_side(b, batch, n, huge=16), LU, pivots), {}


_line("linalg.lu_solve", custom(_solving_factored, lambda args, attrs: _same(args[2:], attrs), FUNCTION))
_line("lu_solve", custom(_solving_legacy, _same, BOTH), graph="free")


# With an info that tells errors, or under their older names.


def _with_info(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype), (args[0].shape[:-2], "int32"))


def _solved_with_info(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    a, right = args
    vector = len(right.shape) == 1
    batch = np.broadcast_shapes(a.shape[:-2], () if vector else right.shape[:-2])
    shape = (*batch, a.shape[-1]) if vector else (*batch, *right.shape[-2:])
    return ((shape, a.dtype), (a.shape[:-2], "int32"))


_CHECKS = (False, True)
_line(
    "linalg.cholesky_ex", square("positive", _with_info, upper=(False, True), check_errors=_CHECKS),
    outputs=("L", "info"), prepare=hermitian,
)  # fmt: skip
_line("cholesky", custom(square("positive", upper=(False, True)).draw, _same, BOTH), forward=False, prepare=hermitian)
_line("linalg.inv_ex", square(infer=_with_info, check_errors=_CHECKS), outputs=("inverse", "info"))
_line(
    "linalg.solve_ex",
    custom(
        system(side="first", vectors=True, left=(True, False), check_errors=_CHECKS).draw, _solved_with_info, FUNCTION
    ),
    outputs=("result", "info"),
    graph="names",
)  # fmt: skip
_line("matrix_exp", custom(square().draw, _same, BOTH), dtypes=("float64", "complex128"))


def _pseudo(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, m, n = args[0].shape
    return (((*batch, n, m), args[0].dtype),)


_line("pinverse", custom(rectangular(_pseudo, rcond=(1e-15, 1e-3)).draw, _pseudo, BOTH), graph="free")


def _triangular(transpose: bool) -> Any:
    def draw(b: Builder) -> Drawn:
        batch, n = b.many(SMALL, MANY), b.extent(ORDERS, 2)
        a = matrix(b, batch, n, n)
        attrs = {"upper": not b.chance(2), "transpose": transpose, "unitriangular": b.chance(4)}
        return (_right_side(b, batch, n), a), attrs

    return custom(draw, _triangular_shapes, BOTH)


def _triangle(b: Builder, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """The matrix without what isn't read: PyTorch's forward mode moves that too."""
    inside = int(attrs["unitriangular"])
    a = b.call("triu", args[1], inside) if attrs["upper"] else b.call("tril", args[1], -inside)
    return (args[0], a)


def _triangular_shapes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype), (args[1].shape, args[1].dtype))


# PyTorch 2.13's forward mode is wrong where the matrix is transposed.
for _name, _transpose in (("triangular_solve", False), ("triangular_solve.transposed", True)):
    _line(
        _name, _triangular(_transpose), outputs=("solution", "cloned_coefficient"), prepare=_triangle,
        forward=not _transpose,
    )  # fmt: skip


# Least squares, norms.


def _least_squares(b: Builder) -> Drawn:
    # Without columns PyTorch 2.13's driver gels says that nothing is left over, not the whole right side.
    batch, m, n = b.many(SMALL, (11000,)), b.extent((3, 2, 1, 4), 3), b.many((2, 1, 3), 2)
    # Its driver gelsd fails a check, or ends the process, for a right side without columns; gelsy finds rank 0 then.
    driver, columns = b.pick((None, "gelsy", "gels", "gelsd", "gelss")), b.many((2, 1, 3), 2)
    return (matrix(b, batch, m, n), b.operand((*batch, m, columns))), {"rcond": b.pick((None, 1e-6)), "driver": driver}


def _least_shapes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, m, n = args[0].shape
    dtype, columns, driver = args[0].dtype, args[1].shape[-1], attrs["driver"] or "gelsy"
    residuals = (*batch, columns) if m > n and driver != "gelsy" else (0,)
    values = (*batch, min(m, n)) if driver in ("gelsd", "gelss") else (0,)
    rank = (0,) if driver == "gels" else tuple(batch)
    return (
        ((*batch, n, columns), dtype), (residuals, real_of(dtype)), (rank, "int64"), (values, real_of(dtype)),
    )  # fmt: skip


_line(
    "linalg.lstsq", custom(_least_squares, _least_shapes, FUNCTION), graph="free",
    outputs=("solution", "residuals", "rank", "singular_values"), constant=(3,),
)  # fmt: skip

VECTOR_ORDERS = (None, 2, 1, 0, 3, 0.5, float("inf"), -float("inf"), -1)
MATRIX_ORDERS = (None, "fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf"))


def _norm(b: Builder) -> Drawn:
    """A matrix norm over two dimensions, a vector norm over one, or the norm of everything."""
    rank = b.integer(1, 3)
    large = 257 if rank == 2 else 2
    lead = (b.many((2, 1), MANY[0]),) if rank == 3 else ()
    a = matrix(b, lead, b.extent(ORDERS, large), b.extent(ORDERS, large)) if rank > 1 else None
    x = a if a is not None else b.operand((b.extent((3, 1, 5), 65537),), domain=FRACTION)
    attrs: dict[str, Any] = {"keepdim": bool(b.choose(2))}
    if rank > 1 and b.choose(2):
        return (x,), {"ord": b.pick(MATRIX_ORDERS), "dim": (-2, -1), **attrs}
    if b.choose(3):
        return (x,), {"ord": b.pick(VECTOR_ORDERS), "dim": b.choose(2 * rank) - rank, **attrs}
    return (x,), {"ord": None, "dim": None, **attrs}


def _norm_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    from ..drawing.shapes import reduced

    return ((reduced(args[0].shape, attrs["dim"], attrs["keepdim"]), real_of(args[0].dtype)),)


_line("linalg.norm", custom(_norm, _norm_shape, FUNCTION), graph="free")

# Reflections.


def _reflecting(b: Builder) -> Domain:
    """Among thousands some multiples of 1/4 are singular; no odd multiple of 1/8 is."""
    return FRACTION if b.sizes == "huge" else REFLECTIONS


def _reflections(b: Builder) -> tuple[Value, Value]:
    batch, columns = b.many(SMALL, MANY), b.extent((2, 1, 3), 2)
    rows = columns + b.choose(3)
    count = columns - (b.choose(2) if columns > 1 else 0)
    return b.operand((*batch, rows, columns)), b.operand((*batch, count), domain=_reflecting(b))


def _householder(b: Builder) -> Drawn:
    return _reflections(b), {}


def _applied(b: Builder) -> Drawn:
    """Reflections, and a matrix to the right or to the left of which they stand."""
    a, tau = _reflections(b)
    tau = tau if tau.shape[-1] == a.shape[-1] else b.operand((*a.shape[:-2], a.shape[-1]), domain=_reflecting(b))
    left, (*batch, rows, _) = not b.chance(2), a.shape
    other = b.operand((*batch, rows, b.extent((2, 1), 2)) if left else (*batch, b.extent((2, 1), 2), rows))
    return (a, tau, other), {"left": left, "transpose": b.chance(2)}


_line("linalg.householder_product", custom(_householder, _same, FUNCTION))
_line("ormqr", custom(_applied, lambda args, attrs: _same(args[2:], attrs), BOTH), forward=False)


# Equations of tensors.

LARGE = ((16, 16), (256,))


def _reshaped(b: Builder, shape: Shape) -> Value:
    """A well-conditioned square matrix, read as a tensor."""
    side = int(np.sqrt(np.prod(shape)))
    return b.call("reshape", matrix(b, (), side, side), shape)


def _tensor_inverse(b: Builder) -> Drawn:
    left, right = b.many((((2, 2), (4,)), ((4,), (2, 2)), ((2, 3), (3, 2)), ((3,), (3,)), ((2, 1), (2,))), LARGE)
    return (_reshaped(b, (*left, *right)),), {"ind": len(left)}


def _inverted(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    shape, ind = args[0].shape, attrs["ind"]
    return (((*shape[ind:], *shape[:ind]), args[0].dtype),)


def _tensor_equation(b: Builder) -> Drawn:
    left, right = b.many((((2, 2), (4,)), ((4,), (2, 2)), ((2, 3), (6,)), ((3,), (3,))), LARGE)
    a = _reshaped(b, (*left, *right))
    if len(right) == 1 and b.choose(2):
        # The unknowns' dimension stands first, and is moved to the end.
        return (b.call("movedim", a, -1, 0), b.operand(left)), {"dims": (0,)}
    return (a, b.operand(left)), {"dims": None}


def _unknowns(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    a, right = args
    shape = a.shape[1:] + a.shape[:1] if attrs["dims"] else a.shape
    return ((shape[len(right.shape) :], a.dtype),)


_line("linalg.tensorinv", custom(_tensor_inverse, _inverted, FUNCTION), graph="free")
_line("linalg.tensorsolve", custom(_tensor_equation, _unknowns, FUNCTION), graph="free")
