"""Clauses of indexing where places are read or written several times, and of matrices read in part."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..drawing.domains import NONZERO
from ..programs.trace import Trace
from ..promises.clause import generate, scenario
from ..promises.properties import same_gradients
from .applying import got_gradient
from .points import RULES, across, plain, point, pull_back


def places(b: Builder, size: int, count: int, twice: bool = True) -> Value:
    """An index tensor; one place stands there twice where that is asked for."""
    found = [b.integer(0, size - 1) for _ in range(count)] if twice else list(range(size))[:count]
    if twice:
        found[-1] = found[0]
    return b.given(found, (count,), "int64", requires_grad=False)


def read_twice(b: Builder) -> None:
    size = b.integer(2, 4)
    x = plain(NONZERO)(b, (size, b.integer(1, 2)))
    index = places(b, size, b.integer(2, 4))
    kind = b.pick(("index_select", "take", "advanced", "gather"))
    if kind == "index_select":
        pull_back(b, b.call("index_select", x, 0, index))
    elif kind == "advanced":
        pull_back(b, b.call("__getitem__.advanced", x, (index,), form="operator"))
    elif kind == "take":
        pull_back(b, b.call("take", x, index))
    else:
        pull_back(b, b.call("gather", b.call("select", x, 1, 0), 0, index))


@point("op.index-duplicates-accumulate", "A place that is read several times gets the sum of the gradients.")
def test_read_twice(check: Any, programs: Any = generate(read_twice)) -> None:
    check(programs)


def put(b: Builder, accumulate: bool) -> None:
    size, count = b.integer(2, 4), b.integer(2, 3)
    x, index = plain(NONZERO)(b, (size,)), places(b, size, count)
    # Which of several values at one place stays is nobody's promise: they are equal, so that only gradients tell.
    values = plain(NONZERO)(b, (count,)) if accumulate else b.given([b.pick((1.0, -2.0))] * count, (count,))
    form = b.pick(("function", "method", "inplace"))
    target = b.call("clone", x) if form == "inplace" else x
    pull_back(b, b.call("index_put", target, (index,), values, accumulate=accumulate, form=form))


@point(
    "op.index-put-accumulate",
    "index_put that accumulates passes the gradient to all values, and whole to the target.",
)
def test_accumulating(check: Any, programs: Any = generate(lambda b: put(b, True))) -> None:
    check(programs)


@point(
    "op.index-put-overwrite",
    "index_put that overwrites gives the target 0 where it wrote; of values at one place each gets the gradient.",
)
def test_overwriting(check: Any, programs: Any = generate(lambda b: put(b, False))) -> None:
    check(programs)


@point("op.index-copy-fill", "index_copy and index_fill give the target gradient 0 in the rows that they write.")
def test_rows_written(check: Any, programs: Any = across("index_copy", "index_fill", "index_fill.tensor")) -> None:
    check(programs)


def gathered(torch: Any, drawn: Any) -> Any:
    data, index, sparse, times = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    for _ in range(times):
        y = torch.gather(x, 0, torch.tensor(index), sparse_grad=sparse)
        (y * torch.arange(1.0, len(index) + 1, dtype=torch.float64)).sum().backward()
    if not x.grad.is_sparse:
        return str(x.grad.layout), x.grad.tolist()
    # How two sparse gradients are kept when they add up is nobody's promise; what they come to is.
    kept = [x.grad.coalesce(), x.grad][: 1 + (times == 1)]
    parts = [(g._indices().tolist(), g._values().tolist(), g.is_coalesced()) for g in kept]
    return str(x.grad.layout), x.grad.to_dense().tolist(), parts


def draw_gathered(b: Builder) -> Any:
    size = b.integer(1, 4)
    data = [b.integer(-8, 8) / 4 for _ in range(size)]
    return data, [b.integer(0, size - 1) for _ in range(b.integer(1, 4))], not b.chance(4), b.integer(1, 2)


@point(
    "op.gather-sparse-grad", "gather(sparse_grad=True) gives its input a sparse gradient of the same values.",
    "torch.gather",
)  # fmt: skip
def test_gathered(check: Any, drawn: Any = scenario(gathered, draw_gathered)) -> None:
    check(drawn)


def embedded(b: Builder, **options: Any) -> None:
    rows, count = b.integer(2, 4), b.integer(2, 5)
    table = plain(NONZERO)(b, (rows, b.integer(1, 3)))
    chosen = {name: option(b, rows) for name, option in options.items()}
    pull_back(b, b.call("nn.functional.embedding", places(b, rows, count), table, **chosen))


def padding(b: Builder, rows: int) -> int | None:
    """A row that pads, named from the front or the end, or none."""
    return b.pick((b.integer(0, rows - 1), -1, None))


@point(
    "op.embedding-padding-idx",
    "embedding adds up the gradients of a row that is read several times; the padding row gets none.",
    "F.embedding",
)
def test_padded(check: Any, programs: Any = generate(lambda b: embedded(b, padding_idx=padding))) -> None:
    check(programs)


@point(
    "op.embedding-scale-by-freq",
    "scale_grad_by_freq divides a row's gradient by how often it stands in the batch.",
    "F.embedding",
)
def test_scaled(
    check: Any,
    programs: Any = generate(
        lambda b: embedded(b, padding_idx=padding, scale_grad_by_freq=lambda b, rows: not b.chance(4))
    ),
) -> None:
    check(programs)


def bags(b: Builder) -> None:
    rows, count = b.integer(2, 4), b.integer(2, 5)
    table = plain(NONZERO)(b, (rows, b.integer(1, 3)))
    mode = b.pick(("mean", "sum", "max"))
    offsets = b.given([0, b.integer(0, count)], (2,), "int64", requires_grad=False)
    options: dict[str, Any] = {"mode": mode}
    if mode == "sum" and b.chance(2):
        options["per_sample_weights"] = plain(NONZERO)(b, (count,))
    pull_back(b, b.call("nn.functional.embedding_bag", places(b, rows, count), table, offsets, **options))


@point(
    "op.embedding-bag",
    "embedding_bag's mean divides by the bag's size, its max sends the gradient to the winner, "
    "and per_sample_weights get the products with the rows.",
    "F.embedding_bag",
)
def test_bags(check: Any, programs: Any = generate(bags)) -> None:
    check(programs)


def singular(b: Builder) -> Value:
    """A matrix of rank one less than its size, of powers of two: its elimination is exact."""
    first, factor = [b.pick((1.0, 2.0, -1.0)), b.pick((2.0, 1.0, -4.0))], b.pick((2.0, -1.0, 0.0, 0.5))
    second = [factor * v for v in first]
    if b.chance(2):
        return b.given([*first, *second], (2, 2))
    return b.given([*first, 0.0, *second, 0.0, 0.0, 0.0, b.pick((1.0, 2.0, -1.0))], (3, 3))


def recorded_det(b: Builder, plain_too: bool = False) -> None:
    x = singular(b)
    det = b.call("linalg.det", x)
    if plain_too:
        b.grad([det], [x], retain_graph=True)
    b.grad([det], [x], create_graph=True)


def some_gradient(trace: Trace) -> bool:
    last = trace.steps[-1]
    return isinstance(last, tuple) and bool(last[0].array.any())


@point(
    "op.det-singular",
    "det's gradient at a singular matrix is the matrix of cofactors. Drift: PyTorch gives 0 without create_graph.",
    RULES + " rule 1",
    witness=some_gradient,
)
def test_det(check: Any, programs: Any = generate(lambda b: recorded_det(b, True))) -> None:
    # PyTorch has the fault, so only the law can show it in another engine.
    check(programs, same_gradients)


@point(
    "op.det-singular-create-graph",
    "With create_graph det's gradient at a singular matrix is the matrix of cofactors.",
    witness=some_gradient,
)
def test_recorded_det(check: Any, programs: Any = generate(recorded_det)) -> None:
    check(programs)


def one_triangle(b: Builder, op: str, **options: Any) -> None:
    """A matrix that dominates its diagonal; the triangle that isn't read holds something else."""
    size = b.integer(2, 3)
    values = [b.pick((0.5, -0.5, 1.0, 0.25)) for _ in range(size * size)]
    for i in range(size):
        values[i * size + i] = 4.0 + 2 * i
    pull_back(b, b.call(op, b.given(values, (size, size)), **{k: b.pick(v) for k, v in options.items()}))


@point(
    "op.eigh-triangle",
    "eigvalsh reads one triangle only; its gradient is symmetric all the same.",
    "torch.linalg.eigh",
    witness=got_gradient,
)
def test_eigvalsh(
    check: Any, programs: Any = generate(lambda b: one_triangle(b, "linalg.eigvalsh", UPLO=("L", "U")))
) -> None:
    check(programs)


@point("op.cholesky-triangle", "cholesky reads the lower triangle only and has a symmetric gradient.")
def test_cholesky(
    check: Any, programs: Any = generate(lambda b: one_triangle(b, "linalg.cholesky", upper=(False, True)))
) -> None:
    check(programs)


def phase(torch: Any, drawn: Any) -> Any:
    data, dependent = drawn
    a = torch.tensor(data, dtype=torch.complex128, requires_grad=True)
    values, vectors = torch.linalg.eig(a)
    loss = vectors[0, 0].imag + vectors[0, 0].real if dependent else (vectors.abs() ** 2)[0].sum() + values.abs().sum()
    try:
        loss.backward()
    except RuntimeError as error:
        return str(error)
    return a.grad is not None


def draw_phase(b: Builder) -> Any:
    data = [[complex(b.integer(-4, 4), b.integer(-4, 4)) for _ in range(2)] for _ in range(2)]
    data[0][0], data[1][1] = 9 + 1j, -7 + 2j
    return data, not b.chance(3)


@point(
    "op.eig-phase-check", "eig raises RuntimeError in backward where the loss depends on the eigenvectors' phase.",
    "torch.linalg.eig",
)  # fmt: skip
def test_phase(check: Any, drawn: Any = scenario(phase, draw_phase)) -> None:
    check(drawn)
