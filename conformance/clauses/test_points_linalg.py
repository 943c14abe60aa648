"""Clauses of linear algebra at special points."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..promises.clause import generate, scenario
from .points import RULES, across, point, pull_back
from .seeing import attempt


@point(
    "op.matmul-vec", "Matrix products differentiate to g·Bᵀ and Aᵀ·g, for vectors and batches alike.", RULES + " rule 1"
)
def test_products(check: Any, programs: Any = across("matmul", "mv", "mm", "dot", "bmm", "addmv")) -> None:
    check(programs)


def scaled_identity(b: Builder, rows: int, columns: int, scale: float) -> Value:
    values = [scale * (i == j) for i in range(rows) for j in range(columns)]
    return b.given(values, (rows, columns))


def singular(torch: Any, drawn: Any) -> Any:
    rows, zero, name = drawn
    data = [[0.0] * len(rows) if i == zero % len(rows) else row[: len(rows)] for i, row in enumerate(rows)]
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    value = torch.logdet(x) if name == "logdet" else torch.linalg.slogdet(x)[1]
    value.backward()
    # Which entries are infinite, nan or neither is the solver's affair.
    return value.item(), bool(torch.isfinite(x.grad).all())


def draw_singular(b: Builder) -> Any:
    n = b.integer(1, 3)
    return [[b.integer(-8, 8) / 4 for _ in range(3)] for _ in range(n)], b.integer(0, 2), b.pick(("logdet", "slogdet"))


@point(
    "op.slogdet-singular",
    "slogdet and logdet of a singular matrix are -inf, and their gradients infinite.",
    "torch.logdet",
)
def test_singular(check: Any, scene: Any = scenario(singular, draw_singular)) -> None:
    check(scene)


@point("op.solve-triangular-triangle", "solve_triangular gives gradient 0 in the triangle that it doesn't read.")
def test_triangular(check: Any, programs: Any = across("linalg.solve_triangular")) -> None:
    check(programs)


def repeated_values(b: Builder) -> None:
    n, scale = b.integer(1, 3), b.pick((1.0, 2.0, -1.5))
    if b.chance(2):
        pull_back(b, b.call("linalg.eigvalsh", scaled_identity(b, n, n, scale), UPLO=b.pick(("L", "U"))))
    else:
        pull_back(b, b.call("linalg.svdvals", scaled_identity(b, n, b.integer(1, 3), scale)))


@point(
    "op.svdvals-degenerate",
    "svdvals and eigvalsh have finite gradients also where values repeat.",
    "torch.linalg.svd; torch.linalg.eigh",
)
def test_repeated_values(check: Any, programs: Any = generate(repeated_values)) -> None:
    check(programs)


def repeated_vectors(torch: Any, drawn: Any) -> Any:
    n, scale, which, seed = drawn
    x = (torch.eye(n, dtype=torch.float64) * scale).requires_grad_()
    weight = torch.tensor(seed, dtype=torch.float64).reshape(3, 3)[:n, :n]
    if which == "eigh":
        vectors = torch.linalg.eigh(x)[1]
    else:
        vectors = torch.linalg.svd(x)[0 if which == "U" else 2]
    if n > 1 and not bool((vectors.detach().abs() == torch.eye(n, dtype=torch.float64)).all()):
        return "other vectors"
    found = attempt(lambda: (vectors * vectors * weight).sum().backward())
    return found, bool(torch.isfinite(x.grad).all()) if x.grad is not None else None


def draw_vectors(b: Builder) -> Any:
    seed = [b.integer(-8, 8) / 4 for _ in range(9)]
    return b.integer(1, 3), b.pick((1.0, 2.0, 0.5)), b.pick(("eigh", "U", "Vh")), seed


@point(
    "op.svd-eigh-vectors-degenerate",
    "Gradients through the vectors of svd or eigh aren't finite where values repeat.",
    "torch.linalg.svd; torch.linalg.eigh",
)
def test_repeated_vectors(check: Any, scene: Any = scenario(repeated_vectors, draw_vectors)) -> None:
    check(scene)


def factored(torch: Any, drawn: Any) -> Any:
    rows, columns, mode, values = drawn
    data = [[float(v + 5 * (i == j)) for j, v in enumerate(row[:columns])] for i, row in enumerate(values[:rows])]
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)

    def differentiate() -> Any:
        q, r = torch.linalg.qr(x, mode=mode)
        (r.abs().sum() + (q * q * q).abs().sum() if q.numel() else r.abs().sum()).backward()
        return [[round(v, 8) + 0.0 for v in row] for row in x.grad.tolist()]

    return attempt(differentiate)


def draw_factored(b: Builder) -> Any:
    values = [[b.integer(-2, 2) for _ in range(4)] for _ in range(4)]
    return b.integer(1, 4), b.integer(1, 4), b.pick(("reduced", "complete", "r")), values


@point(
    "op.qr-modes",
    "qr is differentiable in reduced mode; 'r', and 'complete' with more rows than columns, raise in backward.",
    "torch.linalg.qr",
)
def test_factored(check: Any, scene: Any = scenario(factored, draw_factored)) -> None:
    check(scene)
