"""Clauses of ``inplace``: counting versions by hand, allowing mutation of saved tensors, and random fills."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, scenario
from .seeing import attempt, facts, numbers

AREA = "in-place-and-versions"


def count_by_hand(torch: Any, drawn: Any) -> Any:
    data, forms, inference = drawn
    x, y = torch.tensor(data, requires_grad=True), torch.tensor(data)
    z = x.relu()
    view = z[:1]
    with torch.inference_mode(inference):
        w = torch.ones(2)
    bump = torch.autograd.graph.increment_version
    given = {"one": z, "list": [z, y], "tuple": (y, w), "view": view, "twice": [y, y], "none": [], "number": 3}
    made = [attempt(lambda form=form: bump(given[form])) for form in forms]
    versions = [t._version for t in (x, y, z, view)]
    return made, versions, facts(z), attempt(lambda: z.sum().backward()), facts(x.grad)


FORMS = ("one", "list", "tuple", "view", "twice", "none", "number")


@clause(
    "inplace.increment-version",
    "increment_version raises the version of a tensor, or of each in a list, and passes over inference tensors.",
    source="torch.autograd.graph.increment_version",
    area=AREA,
    profile="mutation",
)
def test_count_by_hand(
    check: Any,
    drawn: Any = scenario(
        count_by_hand,
        lambda b: (numbers(b), [b.pick(FORMS) for _ in range(b.integer(1, 3))], not b.chance(3)),
    ),
) -> None:
    check(drawn)


def draw_mutation(b: Builder) -> Any:
    steps = [b.pick(("sin_", "square_", "zero_", "view.mul_", "add_")) for _ in range(b.integer(1, 3))]
    return [b.integer(-8, 8) / 4 for _ in range(b.integer(2, 4))], b.pick(("square", "mul", "cos", "exp")), steps


def mutate(torch: Any, data: list[float], op: str, steps: list[str]) -> tuple[Any, Any, Any]:
    """A leaf, a value that an operation saved before it was written to, and the operation's result."""
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    y = x * 2
    z = {"square": y.square, "mul": lambda: y * x, "cos": y.cos, "exp": y.exp}[op]()
    target = z if op == "exp" else y
    for step in steps:
        if step == "view.mul_":
            target[:1].mul_(3)
        else:
            getattr(target, step)(*((1,) if step == "add_" else ()))
    return x, target, z


def inside(torch: Any, drawn: Any) -> Any:
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        x, target, z = mutate(torch, *drawn)
        z.sum().backward()
    values = [[round(v, 9) for v in t.tolist()] for t in (x.grad, target.detach(), z.detach())]
    # Without the context the write is found out: that is what it changes.
    _, _, unguarded = mutate(torch, *drawn)
    return values, target._version > 0, attempt(lambda: unguarded.sum().backward())


@clause(
    "inplace.allow-mutation-context",
    "Under allow_mutation_on_saved_tensors a saved tensor is cloned before it is written to: "
    "backward uses the value that was saved.",
    source="torch.autograd.graph.allow_mutation_on_saved_tensors",
    area=AREA,
    profile="mutation",
)
def test_inside(check: Any, drawn: Any = scenario(inside, draw_mutation)) -> None:
    check(drawn)


def outside(torch: Any, drawn: Any) -> Any:
    mutation, other, by_grad = drawn
    allow = torch.autograd.graph.allow_mutation_on_saved_tensors
    with allow():
        x, _, z = mutate(torch, *mutation)
        root = z.sum()

    def run() -> Any:
        return torch.autograd.grad(root, x) if by_grad else root.backward()

    if not other:
        return attempt(run), facts(x.grad)
    with allow():
        return attempt(run), facts(x.grad)


@clause(
    "inplace.allow-mutation-backward-outside-error",
    "Backward outside of the allow_mutation_on_saved_tensors context of the forward pass raises.",
    source="torch.autograd.graph.allow_mutation_on_saved_tensors",
    area=AREA,
    profile="mutation",
)
def test_outside(
    check: Any, drawn: Any = scenario(outside, lambda b: (draw_mutation(b), b.chance(3), b.chance(2)))
) -> None:
    check(drawn)


def fill_at_random(torch: Any, drawn: Any) -> Any:
    data, name, through_view, seed = drawn
    torch.manual_seed(seed)
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    y = x * 2
    before = y.tolist()
    target = y[1:] if through_view else y
    args = {"bernoulli_": (0.5,), "exponential_": (1.5,), "random_": (5,), "geometric_": (0.5,)}
    filled = getattr(target, name)(*args.get(name, ()))
    changed = filled is target and y.tolist() != before and y.tolist()[:1] == before[:1] if through_view else None
    (y * y.detach()).sum().backward()
    return changed, y.requires_grad, y.is_leaf, y.grad_fn.name(), y._version, x.grad.tolist()


FILLS = ("normal_", "uniform_", "bernoulli_", "exponential_", "random_", "cauchy_", "log_normal_", "geometric_")


@clause(
    "inplace.random-fill-zero-grad",
    "In-place random fills cut the gradient: what was there before gets zero.",
    source="observed",
    area=AREA,
    profile="mutation",
)
def test_fill_at_random(
    check: Any,
    drawn: Any = scenario(
        fill_at_random,
        lambda b: ([1.0, *numbers(b)], b.pick(FILLS), b.chance(3), b.integer(0, 99)),
    ),
) -> None:
    check(drawn)
