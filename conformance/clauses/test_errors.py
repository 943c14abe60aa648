"""Clauses of ``error``: what is refused, and in which words."""

from __future__ import annotations

import copy
import io
from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, scenario
from .seeing import facts, numbers

AREA = "errors-and-warnings"


def whole(action: Any) -> Any:
    """What the action returns, or the type and the whole text of what it raises."""
    try:
        return action()
    except Exception as error:
        return [type(error).__name__, str(error)]


def without_derivative(torch: Any, drawn: Any) -> Any:
    data, name, first = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=first)
    other = torch.tensor([2.0] * len(data), dtype=torch.float64, requires_grad=not first)
    calls = {
        "floor_divide": lambda: torch.floor_divide(x, other),
        "//": lambda: x // other,
        "heaviside": lambda: torch.heaviside(x, other),
    }
    y = calls[name]()
    return facts(y), whole(lambda: y.sum().backward()), facts(x.grad)


@clause(
    "error.derivative-not-implemented-runtime",
    "An operation declared not differentiable runs forward; backward through it raises RuntimeError naming it.",
    source="notes/autograd#Gradients for non-differentiable functions rule 6",
    area=AREA,
)
def test_without_derivative(
    check: Any,
    drawn: Any = scenario(
        without_derivative, lambda b: (numbers(b), b.pick(("floor_divide", "//", "heaviside")), b.chance(2))
    ),
) -> None:
    check(drawn)


def missing_derivative(torch: Any, drawn: Any) -> Any:
    data, name = drawn
    x = torch.tensor([abs(v) + 1 for v in data], dtype=torch.float64, requires_grad=True)
    two = torch.full_like(x.detach(), 2.0)
    calls = {
        "igamma": lambda: torch.igamma(x, two),
        "igammac": lambda: torch.igammac(x, two),
        "gammainc": lambda: torch.special.gammainc(x, two),
        "unique": lambda: torch.unique(x),
        "unique.dim": lambda: torch.unique(x, dim=0),
        "unique_consecutive": lambda: torch.unique_consecutive(x),
        "zeta": lambda: torch.special.zeta(x, two),
    }
    y = calls[name]()
    return y.requires_grad, y.grad_fn.name(), whole(lambda: y.sum().backward()), facts(x.grad)


NAMES = ("igamma", "unique", "zeta", "igammac", "unique_consecutive", "unique.dim", "gammainc")


@clause(
    "error.derivative-not-implemented-notimpl",
    "Where a formula is merely missing, backward raises NotImplementedError naming the operation.",
    source="special.gammainc note",
    area=AREA,
)
def test_missing_derivative(
    check: Any, drawn: Any = scenario(missing_derivative, lambda b: (numbers(b), b.pick(NAMES)))
) -> None:
    check(drawn)


def into_out(torch: Any, drawn: Any) -> Any:
    data, name, which, recording = drawn
    x = torch.tensor(data, requires_grad=which == "input")
    out = torch.full((len(data),), 9.0, requires_grad=which == "out")
    calls = {
        "mul": lambda: torch.mul(x, 2.0, out=out),
        "add": lambda: torch.add(x, x, out=out),
        "sin": lambda: torch.sin(x, out=out),
        "exp": lambda: torch.exp(x.detach(), out=out),
        "cumsum": lambda: torch.cumsum(x, 0, out=out),
    }
    with torch.set_grad_enabled(recording):
        found = whole(lambda: calls[name]() is out)
    return found, [round(v, 5) for v in out.tolist()], out.requires_grad, out._version


@clause(
    "error.out-variant-with-grad",
    "out= with an argument that requires grad raises RuntimeError while grad mode is on, and writes nothing.",
    source="observed",
    area=AREA,
)
def test_into_out(
    check: Any,
    drawn: Any = scenario(
        into_out,
        lambda b: (
            numbers(b),
            b.pick(("mul", "add", "sin", "exp", "cumsum")),
            b.pick(("input", "out", "none")),
            not b.chance(4),
        ),
    ),
) -> None:
    check(drawn)


def second_time(torch: Any, drawn: Any) -> Any:
    data, op, first, second = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    y = {"mul": lambda: x * x, "exp": x.exp, "pow": lambda: x**3}[op]().sum()
    runs = {"backward": lambda: y.backward(), "grad": lambda: torch.autograd.grad(y, x)}
    runs[first]()
    return whole(lambda: runs[second]())


@clause(
    "error.backward-on-meta-of-second-time-text",
    "The error of a second pass names both .backward() and autograd.grad(), and says to pass retain_graph=True.",
    source="observed",
    area=AREA,
)
def test_second_time(
    check: Any,
    drawn: Any = scenario(
        second_time,
        lambda b: (
            numbers(b),
            b.pick(("mul", "exp", "pow")),
            b.pick(("backward", "grad")),
            b.pick(("backward", "grad")),
        ),
    ),
) -> None:
    check(drawn)


def spoiled(torch: Any, drawn: Any) -> Any:
    data, dtype, made, writes = drawn
    x = torch.tensor(data, dtype=getattr(torch, dtype), requires_grad=True)
    y = {
        "leaf": lambda: x,
        "clone": x.clone,
        "mul": lambda: x * 2,
        "exp": x.exp,
        "part": lambda: (x * 2).view(-1, 1),
        "chunk": lambda: torch.unsafe_chunk(torch.cat([x, x]), 2)[1],
    }[made]()
    z = y.sin()
    with torch.no_grad() if made == "leaf" else torch.enable_grad():
        for _ in range(writes):
            y.mul_(2)
    return y._version, whole(lambda: z.sum().backward())


def draw_spoiled(b: Builder) -> Any:
    dtype = b.pick(("float32", "float64", "complex64", "bfloat16"))
    made = b.pick(("clone", "leaf", "mul", "exp", "part", "chunk"))
    return numbers(b), dtype, made, b.integer(1, 3)


@clause(
    "error.inplace-hint",
    "The error of a modified saved value names its type, shape, producing operation, found and expected version, "
    "and hints at anomaly detection.",
    source="observed",
    area=AREA,
    profile="mutation",
)
def test_spoiled(check: Any, drawn: Any = scenario(spoiled, draw_spoiled)) -> None:
    check(drawn)


def as_condition(torch: Any, drawn: Any) -> Any:
    data, shape, form = drawn
    x = torch.tensor(data, requires_grad=True).reshape(shape)
    forms = {
        "bool": lambda: bool(x),
        "not": lambda: not x,
        "if": lambda: 1 if x > 0 else 2,
        "while": lambda: [1 for _ in range(1) if x],
        "and": lambda: (x and 1) == 1,
    }
    return whole(forms[form])


def draw_condition(b: Builder) -> Any:
    shape = b.pick(((2,), (1,), (), (1, 1), (0,), (2, 2), (1, 3)))
    count = 1
    for n in shape:
        count *= n
    return [b.integer(-2, 2) / 2 for _ in range(count)], shape, b.pick(("bool", "not", "if", "while", "and"))


@clause(
    "error.bool-of-multi-element",
    "A tensor of several elements is no condition: RuntimeError. One element counts by its value; none is an error.",
    source="observed",
    area=AREA,
)
def test_as_condition(check: Any, drawn: Any = scenario(as_condition, draw_condition)) -> None:
    check(drawn)


def resize_tracked(torch: Any, drawn: Any) -> Any:
    data, size, which = drawn
    x = torch.tensor(data, requires_grad=which != "plain")
    target = {"leaf": x, "result": x * 2, "view": (x * 2)[:1], "plain": x}[which]
    return whole(lambda: list(target.resize_(*size).shape)), list(target.shape), target._version


@clause(
    "error.resize-requires-grad",
    "resize_ of a tensor that requires grad raises RuntimeError, even to the size that it has.",
    source="observed",
    area=AREA,
)
def test_resize_tracked(
    check: Any,
    drawn: Any = scenario(
        resize_tracked,
        lambda b: (numbers(b), b.pick(((1,), (2,), (1, 1), (0,))), b.pick(("leaf", "result", "view", "plain"))),
    ),
) -> None:
    check(drawn)


def saved_and_loaded(torch: Any, drawn: Any) -> Any:
    data, which, packed = drawn
    x = torch.tensor(data, requires_grad=which != "plain")
    target = {"leaf": x, "result": x * 2, "view": (x * 2)[:1], "plain": x, "detached": (x * 2).detach()}[which]
    file = io.BytesIO()
    torch.save({"a": [target]} if packed else target, file)
    file.seek(0)
    loaded = torch.load(file)
    found = loaded["a"][0] if packed else loaded
    (found * found).sum().backward() if found.requires_grad else None
    return facts(target), facts(found), facts(found.grad), facts(x.grad), type(found).__name__


@clause(
    "error.pickle-nonleaf",
    "A recorded result can be saved with torch.save; it comes back as a leaf that requires grad.",
    source="observed",
    area=AREA,
)
def test_saved_and_loaded(
    check: Any,
    drawn: Any = scenario(
        saved_and_loaded,
        lambda b: (numbers(b), b.pick(("result", "leaf", "view", "plain", "detached")), b.chance(3)),
    ),
) -> None:
    check(drawn)


def odd_flag(torch: Any, drawn: Any) -> Any:
    data, value, by_method = drawn
    x = torch.tensor(data)

    def assign() -> None:
        x.requires_grad = value

    found = whole((lambda: x.requires_grad_(value).requires_grad) if by_method else assign)
    # A TypeError's text lists an engine's own signatures.
    return found[:1] if isinstance(found, list) and found[0] == "TypeError" else found, x.requires_grad


@clause(
    "error.set-requires-grad-invalid-type",
    "Assigning to requires_grad what isn't a bool raises RuntimeError and changes nothing.",
    source="observed",
    area=AREA,
)
def test_odd_flag(
    check: Any,
    drawn: Any = scenario(odd_flag, lambda b: (numbers(b), b.pick((1, None, "True", 0.0, True, [])), b.chance(4))),
) -> None:
    check(drawn)


def copied(torch: Any, drawn: Any) -> Any:
    data, which, deep = drawn
    x = torch.tensor(data, requires_grad=which != "plain")
    target = {"leaf": x, "result": x * 2, "view": (x * 2)[:1], "plain": x, "detached": (x * 2).detach()}[which]
    found = whole(lambda: (copy.deepcopy if deep else copy.copy)(target))
    if isinstance(found, list):
        return found
    aliased = found.untyped_storage().data_ptr() == target.untyped_storage().data_ptr()
    return facts(found), found is target, aliased


@clause(
    "error.deepcopy-nonleaf",
    "copy.deepcopy of a recorded result raises RuntimeError; copy.copy gives a leaf with the same memory and flag.",
    source="observed",
    area=AREA,
)
def test_copied(
    check: Any,
    drawn: Any = scenario(
        copied, lambda b: (numbers(b), b.pick(("result", "leaf", "view", "plain", "detached")), b.chance(2))
    ),
) -> None:
    check(drawn)
