"""Clauses of a value's history: what leaves it alone, and what it refuses."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, finished, generate, raises, scenario


def drawn_number(b: Builder) -> tuple[float, bool]:
    return b.pick((0.5, -1.25, 3.0)), b.pick((False, True))


def read_then_backward(torch: Any, drawn: tuple[float, bool]) -> Any:
    number, is_view = drawn
    x = torch.tensor([number], requires_grad=True)
    y = (x * x).reshape(()) if is_view else (x * x).sum()
    read = y.item()
    y.backward()
    return read, y.requires_grad, type(y.grad_fn).__name__, x.grad.tolist()


@clause(
    "history.item-leaves-the-graph",
    "item() reads a value and leaves its history as it was.",
    source="torch.Tensor.item",
)
def test_item(check: Any, programs: Any = scenario(read_then_backward, drawn_number)) -> None:
    check(programs)


def seed_of_another_shape(b: Builder) -> None:
    x = b.leaf()
    y = b.smooth(x, depth=1)
    shape = b.pick(((1,) * (len(y.shape) + 1), (*y.shape, 2), (2, *y.shape)))
    b.backward(y, gradient=[b.leaf(shape, requires_grad=False)])


@clause(
    "history.seed-shape-is-the-root's",
    "backward refuses a gradient whose shape is not its root's, even one that would broadcast.",
    source="torch.autograd.backward",
    witness=raises,
)
def test_seed_shape(check: Any, programs: Any = generate(seed_of_another_shape)) -> None:
    check(programs)


def written_through_detach(b: Builder) -> None:
    x = b.leaf()
    y = b.smooth(x, depth=1)
    cut = b.call("detach", y, form="method")
    b.observe(cut, "version", "flags")
    b.call("mul", cut, 2, form="inplace")
    b.observe(y, "version", "value")
    b.observe(cut, "version")


@clause(
    "history.detach-shares-the-version-counter",
    "A write into what detach() gave counts as a write into its source.",
    source="torch.Tensor.detach",
    witness=finished,
)
def test_detach_version(check: Any, programs: Any = generate(written_through_detach)) -> None:
    check(programs)
