"""Clauses of operators at special points: masks, scattering, padding, ignored targets."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..drawing.domains import NONZERO
from ..promises.clause import generate
from .applying import last_raises
from .points import across, near, plain, point, pull_back

NAN, INF = float("nan"), float("inf")


@point("op.masked-fill", "masked_fill gives gradient 0 where it masks; a 0-dim value tensor gets their sum.")
def test_masked_fill(check: Any, programs: Any = across("masked_fill", "masked_fill.tensor")) -> None:
    check(programs)


@point(
    "op.masked-select-scatter",
    "masked_select scatters the gradient back; masked_scatter gives it, in order, to the elements of its source used.",
)
def test_masked_select(check: Any, programs: Any = across("masked_select", "masked_scatter")) -> None:
    check(programs)


@point(
    "op.scatter-add",
    "scatter_add and index_add pass the target's gradient, and gather it (times alpha) for the source.",
)
def test_scatter_add(check: Any, programs: Any = across("scatter_add", "index_add")) -> None:
    check(programs)


@point(
    "op.scatter-overwrite",
    "scatter gives the target gradient 0 where it writes, and gathers the gradient for its source.",
    "torch.Tensor.scatter_",
)
def test_scatter(check: Any, programs: Any = across("scatter")) -> None:
    check(programs)


@point("op.scatter-value", "scatter of a number gives the target gradient 0 where it writes.")
def test_scatter_value(check: Any, programs: Any = across("scatter.value")) -> None:
    check(programs)


def places(b: Builder, size: int, count: int) -> Value:
    """Where ``count`` elements go in a line: at least two to one place, where there are two."""
    taken = [b.integer(0, size - 1) for _ in range(count)]
    taken[-1] = taken[0]
    return b.given([float(t) for t in taken], (count,), "int64", requires_grad=False)


def reduced_into(b: Builder, x: Value, source: Value, reduce: str, include_self: bool) -> None:
    index = places(b, x.shape[0], source.shape[0])
    op = "scatter_reduce" if b.chance(2) or reduce == "sum" else "index_reduce"
    pull_back(b, b.call(op, x, 0, index, source, reduce=reduce, include_self=include_self))


def lines(b: Builder, *special: float, others: tuple[float, ...]) -> tuple[Value, Value]:
    """A target, and a source with special values. They have no value in common but those."""
    target = near(*special, others=tuple(v + 0.125 for v in others))(b, (b.integer(1, 3),))
    return target, near(*special, others=others)(b, (b.integer(2, 5),))


@point(
    "op.scatter-reduce-sum-mean",
    "scatter_reduce's sum gathers the gradient; mean divides by the count, the target's own element included.",
    "torch.Tensor.scatter_reduce_",
)
def test_reduced_mean(
    check: Any,
    programs: Any = generate(
        lambda b: reduced_into(b, *lines(b, 1.0, others=(2.0, 3.0)), b.pick(("sum", "mean")), not b.chance(4))
    ),
) -> None:
    check(programs)


@point(
    "op.scatter-reduce-prod-zero",
    "scatter_reduce's prod handles zeros: a single one gets the others' product, two get 0.",
)
def test_reduced_prod(
    check: Any,
    programs: Any = generate(lambda b: reduced_into(b, *lines(b, 0.0, others=(2.0, 3.0)), "prod", not b.chance(4))),
) -> None:
    check(programs)


@point(
    "op.scatter-reduce-amax-ties",
    "scatter_reduce's amax and amin split the gradient evenly among ties, the target's own element included.",
)
def test_reduced_ties(
    check: Any,
    programs: Any = generate(
        lambda b: reduced_into(b, *lines(b, 5.0, -5.0, others=(1.0, 2.0)), b.pick(("amax", "amin")), True)
    ),
) -> None:
    check(programs)


@point(
    "op.scatter-reduce-exclude-self",
    "With include_self=False places written get gradient 0 in the target, and the others pass it.",
)
def test_reduced_alone(
    check: Any,
    programs: Any = generate(
        lambda b: reduced_into(
            b, plain(NONZERO)(b, (b.integer(1, 4),)), near(7.0, others=(9.0, 8.0))(b, (b.integer(2, 4),)),
            b.pick(("sum", "mean", "prod", "amax", "amin")), False,
        )
    ),
) -> None:  # fmt: skip
    check(programs)


def reducing_scatter(b: Builder) -> None:
    x, source = plain()(b, (b.integer(1, 4),)), plain(grad=b.chance(2))(b, (b.integer(2, 3),))
    made = b.call("scatter", x, 0, places(b, x.shape[0], source.shape[0]), source, reduce=b.pick(("add", "multiply")))
    b.backward(b.call("sum", made))


@point(
    "op.scatter-reduce-arg-unsupported",
    "scatter with reduce= runs forward, and raises in backward.",
    witness=last_raises,
    profile="tape",
)
def test_reducing_scatter(check: Any, programs: Any = generate(reducing_scatter)) -> None:
    check(programs)


PADS = ("nn.functional.pad", *(f"nn.functional.pad.{mode}" for mode in ("reflect", "replicate", "circular")))


@point(
    "op.pad-modes",
    "Reflecting, replicating and circular padding add the copies' gradients to their source; constant padding drops them.",
)
def test_pads(check: Any, programs: Any = across(*PADS)) -> None:
    check(programs)


def ignored_targets(b: Builder) -> None:
    rows, count, ignored = b.integer(1, 4), b.integer(2, 4), b.pick((-100, 0, 1))
    scores = plain()(b, (rows, count))
    classes = [float(b.integer(0, count - 1)) for _ in range(rows)]
    classes[b.integer(0, rows - 1)] = float(ignored)
    target = b.given(classes, (rows,), "int64", requires_grad=False)
    options: dict[str, Any] = {"reduction": b.pick(("mean", "sum", "none")), "ignore_index": ignored}
    if b.chance(2):
        options["weight"] = plain(NONZERO, grad=False)(b, (count,))
    op = b.pick(("nn.functional.nll_loss", "nn.functional.cross_entropy"))
    pull_back(b, b.call(op, scores, target, **options))


@point("op.nll-ignore-index", "Ignored targets give no gradient and don't count in the mean.")
def test_ignored_targets(check: Any, programs: Any = generate(ignored_targets)) -> None:
    check(programs)
