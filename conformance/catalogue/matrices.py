"""Matrix leaves: square, positive-definite or triangular ones whose inverses are small, as literal data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..drawing.shapes import Shape
from ..programs.leafdata import DTYPES, is_complex
from ..programs.program import Leaf
from .arguments import Drawn, Options, custom, draw_options

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

BATCHES: tuple[Shape, ...] = ((), (2,), (3, 1), (), (1, 2), (2,), (2, 2), (0,))
ORDERS = (2, 1, 3, 4, 3, 2, 5, 0)
"""Of orders and batches one in eight is empty: the gradient of nothing can't be differentiated again."""
MANY: Shape = (1 << 14,)


def _batch(b: Builder, batches: tuple[Shape, ...] = BATCHES) -> Shape:
    return b.many(batches, MANY)


def _values(b: Builder, shape: Shape, dtype: str) -> np.ndarray[Any, np.dtype[Any]]:
    """Quarters between -2 and 2."""
    count = int(np.prod(shape))
    parts = [(b.source.indices(count, 17).astype(np.float64) - 8) / 4 for _ in range(1 + is_complex(dtype))]
    return (parts[0] + 1j * parts[1] if len(parts) > 1 else parts[0]).reshape(shape)


def matrix(b: Builder, batch: Shape, rows: int, columns: int, kind: str = "general") -> Value:
    """A leaf of matrices. ``general``: a dominant and different diagonal, so that neither solving nor differences of
    eigenvalues lose digits; ``hermitian``, ``positive``, ``lower`` and ``upper`` (Cholesky factors) besides. At
    convention points, whatever the line's kinks give: zeros and ones make singular matrices."""
    shape = (*batch, rows, columns)
    if b.override is not None:
        return b.leaf(shape, layout="contiguous")
    values = _values(b, shape, b.dtype)
    if kind in ("hermitian", "positive"):
        values = values + np.conj(np.swapaxes(values, -1, -2))
    # Among thousands of matrices the smaller difference would meet equal eigenvalues.
    apart = 12.0 if b.sizes == "huge" else 3.0
    diagonal = 8.0 + apart * np.arange(rows)[:, None] * (np.arange(rows)[:, None] == np.arange(columns))
    values = values + diagonal * (np.arange(rows)[:, None] == np.arange(columns)) * (2.0 if kind == "positive" else 1.0)
    if kind in ("lower", "upper"):
        values = np.tril(values) if kind == "lower" else np.triu(values)
        values = np.where(np.arange(rows)[:, None] == np.arange(columns), values.real, values)
    layout = b.pick(("contiguous", "contiguous", "fortran", "strided", "offset"))
    made = b.leaf(shape, layout=layout, requires_grad=b.choose(8) != 7)
    step = b.steps[-1]
    assert isinstance(step, Leaf)
    b.steps[-1] = replace(step, data=np.ascontiguousarray(values.astype(DTYPES[b.dtype])).tobytes())
    return made


def hermitian(b: Builder, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """The first operand plus its adjoint: of a Hermitian argument only such changes have a meaning."""
    a = args[0]
    return (b.call("add", a, b.call("mH", a, form="attribute")), *args[1:])


def square(kind: str = "general", infer: Any = None, batches: tuple[Shape, ...] = BATCHES, **options: Any) -> Any:
    """One batch of square matrices."""

    def draw(b: Builder) -> Drawn:
        n = b.extent(ORDERS, 2)
        return (matrix(b, _batch(b, batches), n, n, kind),), draw_options(b, options)

    return custom(draw, infer or _same, ("function",))


def factors() -> Any:
    """One batch of Cholesky factors, of which ``upper`` says the triangle."""

    def draw(b: Builder) -> Drawn:
        attrs, n = draw_options(b, {"upper": (False, True)}), b.extent(ORDERS, 2)
        return (matrix(b, _batch(b), n, n, "upper" if attrs["upper"] else "lower"),), attrs

    return custom(draw, _same, ("function",))


def rectangular(infer: Any, orders: tuple[int, ...] = (2, 1, 3, 4), seldom_empty: bool = False, **options: Any) -> Any:
    """One batch of matrices of any proportion. ``seldom_empty``: most empty ones are refused."""

    def draw(b: Builder) -> Drawn:
        extent = b.size if seldom_empty and b.sizes == "edge" and b.choose(4) else lambda sizes: b.extent(sizes, 2)
        return (matrix(b, _batch(b), extent(orders), extent(orders)),), draw_options(b, options)

    return custom(draw, infer, ("function",))


def system(kind: str = "general", side: str = "last", vectors: bool = False, **options: Any) -> Any:
    """Square matrices and right-hand sides; ``side`` says which argument the matrices are, or that ``left`` decides. Of
    the kind ``factor`` they are Cholesky factors, of which ``upper`` says the triangle."""

    def draw(b: Builder) -> Drawn:
        attrs = draw_options(b, options)
        n, batch, count = b.extent(ORDERS[:-1], 2), _batch(b), b.extent((1, 2, 3), 2)
        a = matrix(b, batch, n, n, ("upper" if attrs["upper"] else "lower") if kind == "factor" else kind)
        other = b.pick((batch, ())) if batch else b.pick(((), (2,)))
        if vectors and b.choose(4) == 3 and attrs.get("left", True):
            right = b.operand((n,))
        else:
            right = b.operand((*other, n, count) if attrs.get("left", True) else (*other, count, n))
        return ((a, right) if side == "first" else (right, a)), attrs

    return custom(draw, _solution(side), ("function",))


def _solution(side: str) -> Any:
    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        a, b = (args[0], args[1]) if side == "first" else (args[1], args[0])
        if len(b.shape) == 1:
            return ((a.shape[:-1], a.dtype),)
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return (((*batch, *b.shape[-2:]), a.dtype),)

    return infer


def _same(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype),)


def real_of(dtype: str) -> str:
    """The dtype of absolute values."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def complex_of(dtype: str) -> str:
    """The dtype of eigenvalues."""
    return {"float32": "complex64", "float64": "complex128"}.get(dtype, dtype)


def per_matrix(result: Any = None) -> Any:
    """The rule of one number a matrix."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        dtype = args[0].dtype
        return ((args[0].shape[:-2], result(dtype) if result else dtype),)

    return infer


def per_row(result: Any = None) -> Any:
    """The rule of as many numbers a matrix as its smaller side."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        shape, dtype = args[0].shape, args[0].dtype
        return (((*shape[:-2], min(shape[-2:])), result(dtype) if result else dtype),)

    return infer


__all__ = [
    "Options", "complex_of", "factors", "hermitian", "matrix", "per_matrix", "per_row", "real_of", "rectangular", "square",
    "system",
]  # fmt: skip
