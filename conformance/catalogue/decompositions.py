"""Decompositions whose factors are not unique, and what every choice of them gives alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.shapes import Shape
from . import NUMERIC, Gauge, operator
from .arguments import Drawn, custom, draw_options
from .matrices import BATCHES, complex_of, hermitian, matrix, real_of

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

FUNCTION = ("function",)
ORDERS = (2, 1, 3, 4)
MANY: Shape = (11000,)


def _transposed(b: Builder, a: Value) -> Value:
    return b.call("mH", a, form="attribute")


def squared(b: Builder, vectors: Value) -> Value:
    """|V|² by element: what a phase of each vector doesn't change."""
    return b.call("real", b.call("mul", vectors, b.call("conj", vectors)))


def _first(b: Builder, a: Value, dim: int, count: int) -> Value:
    return a if a.shape[dim] == count else b.call("narrow", a, dim, 0, count)


def _rebuilt(b: Builder, left: Value, middle: Value, right: Value) -> Value:
    """left · diag(middle)² · right."""
    row = b.call("unsqueeze", b.call("mul", middle, middle), -2)
    return b.call("matmul", b.call("mul", left, row), right)


def _of_singular_vectors(b: Builder, U: Value, S: Value, Vh: Value) -> list[Value]:
    """U·diag(S)²·Vᴴ, |U|² and |V|², of the vectors that belong to singular values, and these."""
    count = S.shape[-1]
    U, Vh = _first(b, U, -1, count), _first(b, Vh, -2, count)
    return [_rebuilt(b, U, S, Vh), squared(b, U), squared(b, Vh), S]


def settle_svd(b: Builder, outputs: list[Value], attrs: dict[str, Any]) -> list[Value]:
    return _of_singular_vectors(b, *outputs)


def settle_legacy_svd(b: Builder, outputs: list[Value], attrs: dict[str, Any]) -> list[Value]:
    U, S, V = outputs
    return _of_singular_vectors(b, U, S, _transposed(b, V)) if attrs.get("compute_uv", True) else [S]


def settle_eigh(b: Builder, outputs: list[Value], attrs: dict[str, Any]) -> list[Value]:
    values, vectors = outputs
    return [_rebuilt(b, vectors, values, _transposed(b, vectors)), squared(b, vectors), values]


def power_sums(b: Builder, values: Value) -> list[Value]:
    """Σλ, Σλ², Σλ³: what the order of eigenvalues doesn't change."""
    square = b.call("mul", values, values)
    powers = (values, square, b.call("mul", square, values))
    return [b.call("sum.dim", power, dim=(-1,), keepdim=False) for power in powers]


def settle_eigvals(b: Builder, outputs: list[Value], attrs: dict[str, Any]) -> list[Value]:
    return power_sums(b, outputs[0])


def settle_eig(b: Builder, outputs: list[Value], attrs: dict[str, Any]) -> list[Value]:
    """Power sums of the eigenvalues, V·diag(λ)²·V⁻¹, and Σⱼ |Vᵢⱼ|² λⱼ."""
    values, vectors = outputs
    whole = _rebuilt(b, vectors, values, b.call("linalg.inv", vectors))
    weighted = b.call("mul", b.call("mul", vectors, b.call("conj", vectors)), b.call("unsqueeze", values, -2))
    return [*power_sums(b, values), whole, b.call("sum.dim", weighted, dim=(-1,), keepdim=False)]


def settle_qr(b: Builder, outputs: list[Value], attrs: dict[str, Any]) -> list[Value]:
    """Q·R² where R is square, else Q·R; QQᴴ of what spans the columns; |R|². Only |R|² without Q."""
    Q, R = outputs
    if attrs.get("mode") == "r":
        return [squared(b, R)]
    count = min(Q.shape[-2], R.shape[-1])
    thin, top = _first(b, Q, -1, count), _first(b, R, -2, count)
    return [b.call("matmul", thin, top), b.call("matmul", thin, _transposed(b, thin)), squared(b, top)]


def _drawn(square: bool = False, kind: str = "general", **options: Any) -> Any:
    def draw(b: Builder) -> Drawn:
        rows = b.extent(ORDERS, 3)
        columns = rows if square else b.extent(ORDERS, 2)
        return (matrix(b, b.many(BATCHES, MANY), rows, columns, kind),), draw_options(b, options)

    return draw


def _drawn_qr(legacy: bool) -> Any:
    """A mode, and now and then one that has no derivative: R alone, or all of Q for a matrix taller than wide. Huge
    programs are too few for those."""

    def draw(b: Builder) -> Drawn:
        mode = b.many(("reduced", "complete", "reduced", "complete", "r"), "reduced")
        rows = b.extent(ORDERS, 3)
        columns = max(b.extent(ORDERS, 2), rows if mode == "complete" and not b.chance(4) else 0)
        a = matrix(b, b.many(BATCHES, MANY), rows, columns)
        return (a,), {"some": mode == "reduced"} if legacy else {"mode": mode}

    return draw


def _svd_shapes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, m, n = args[0].shape
    k, dtype = min(m, n), args[0].dtype
    full = attrs["full_matrices"]
    return (
        ((*batch, m, m if full else k), dtype),
        ((*batch, k), real_of(dtype)),
        ((*batch, n if full else k, n), dtype),
    )


def _legacy_svd_shapes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, m, n = args[0].shape
    k, dtype = min(m, n), args[0].dtype
    full = not attrs["some"] or not attrs["compute_uv"]
    return (
        ((*batch, m, m if full else k), dtype),
        ((*batch, k), real_of(dtype)),
        ((*batch, n, n if full else k), dtype),
    )


def _eigen_shapes(of_values: Any, of_vectors: Any) -> Any:
    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        shape, dtype = args[0].shape, args[0].dtype
        return ((shape[:-1], of_values(dtype)), (shape, of_vectors(dtype)))

    return infer


def _qr_shapes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, m, n = args[0].shape
    k, dtype = min(m, n), args[0].dtype
    mode = attrs["mode"] if "mode" in attrs else ("reduced" if attrs["some"] else "complete")
    if mode == "r":
        return (((0,), dtype), ((*batch, k, n), dtype))
    inner = m if mode == "complete" else k
    return (((*batch, m, inner), dtype), ((*batch, inner, n), dtype))


def _same_dtype(dtype: str) -> str:
    return dtype


def _decomposition(name: str, draw: Any, infer: Any, outputs: Any, gauge: Gauge, **options: Any) -> None:
    forms = options.pop("forms", FUNCTION)
    operator(name, custom(draw, infer, forms), dtypes=NUMERIC, outputs=outputs, gauge=gauge, **options)


BOTH = ("function", "method")
_decomposition(
    "linalg.svd", _drawn(full_matrices=(False, True)), _svd_shapes, ("U", "S", "Vh"), Gauge((0, 2), settle_svd)
)
_decomposition(
    "svd", _drawn(some=(True, False), compute_uv=(True, True, False)), _legacy_svd_shapes, ("U", "S", "V"),
    Gauge((0, 2), settle_legacy_svd), graph="free", forms=BOTH,
)  # fmt: skip
_decomposition(
    "linalg.eigh", _drawn(True, "hermitian", UPLO=("L", "U")), _eigen_shapes(real_of, _same_dtype),
    ("eigenvalues", "eigenvectors"), Gauge((1,), settle_eigh), prepare=hermitian,
)  # fmt: skip
_decomposition(
    "linalg.eig", _drawn(True), _eigen_shapes(complex_of, complex_of), ("eigenvalues", "eigenvectors"),
    Gauge((0, 1), settle_eig),
)  # fmt: skip
_decomposition(
    "linalg.eigvals", _drawn(True), lambda args, attrs: ((args[0].shape[:-1], complex_of(args[0].dtype)),), None,
    Gauge((0,), settle_eigvals),
)  # fmt: skip
_decomposition("linalg.qr", _drawn_qr(False), _qr_shapes, ("Q", "R"), Gauge((0, 1), settle_qr))
_decomposition("qr", _drawn_qr(True), _qr_shapes, ("Q", "R"), Gauge((0, 1), settle_qr), graph="free", forms=BOTH)


def _low_rank(centred: bool) -> Any:
    """A matrix of exactly the rank that is asked for: a product of drawn factors, or taller than wide and whole."""

    def draw(b: Builder) -> Drawn:
        # Never huge: they are made of factorings that are, and cost many times as much.
        batch, niter = b.pick(((), (2,))), b.pick((2, 1))
        if b.choose(2):
            n = b.pick((2, 1, 3))
            attrs = {"q": n, "niter": niter, **({"center": bool(b.choose(2))} if centred else {})}
            return (matrix(b, batch, n + 2, n),), attrs
        m, n, rank = b.pick((4, 3, 5)), b.pick((3, 4)), b.pick((2, 1))
        # Of moderate size: whether a gradient hangs on phases is decided by an absolute 0.01.
        a = b.call("mul", b.call("matmul", matrix(b, batch, m, rank), matrix(b, batch, rank, n)), 0.0625)
        return (a,), {"q": rank, "niter": niter, **({"center": False} if centred else {})}

    return draw


def _low_rank_shapes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, m, n = args[0].shape
    q, dtype = attrs["q"], args[0].dtype
    return (((*batch, m, q), dtype), ((*batch, q), real_of(dtype)), ((*batch, n, q), dtype))


for _name in ("svd_lowrank", "pca_lowrank"):
    _decomposition(
        _name, _low_rank(_name == "pca_lowrank"), _low_rank_shapes, ("U", "S", "V"), Gauge((0, 2), settle_legacy_svd),
        graph="free", random=True,
    )  # fmt: skip
