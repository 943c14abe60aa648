"""Clauses of ``print``: what the text of a tensor and of a node says about autograd."""

from __future__ import annotations

import re
from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, scenario
from .seeing import facts, numbers, warned

AREA = "printing"


def texts(trace: Trace) -> list[str]:
    """The texts that were read, in order."""
    return [s.text for s in trace.steps if isinstance(s, Observed) and s.text is not None]


def ends_with(end: str) -> Any:
    """The witness that a text ends so."""

    def witness(trace: Trace) -> bool:
        return finished(trace) and any(text.endswith(end) for text in texts(trace))

    return witness


def print_leaf(b: Builder) -> None:
    x = b.leaf(dtype=b.pick(("float32", "float64", "complex64", "bfloat16", "int64")), requires_grad=not b.chance(4))
    b.observe(x, "repr")
    if b.chance(2):
        b.observe(b.call("detach", x, form="method"), "repr")


@clause(
    "print.leaf-requires-grad",
    "A leaf that requires grad prints with requires_grad=True at the end; other leaves without.",
    source="observed",
    area=AREA,
    profile="printing",
    witness=ends_with("requires_grad=True)"),
)
def test_print_leaf(check: Any, programs: Any = generate(print_leaf)) -> None:
    check(programs)


def print_result(b: Builder) -> None:
    x = b.leaf(b.shape(1, 2))
    y = b.call(b.pick(("neg", "clone", "abs", "sum", "square", "t", "relu")), x)
    if b.chance(2) and y.shape:
        y = b.call(b.pick(("mul", "add", "div")), y, b.pick((2, 4)), form=b.pick(("function", "inplace")))
    b.observe(y, "repr")


def names_node(trace: Trace) -> bool:
    return finished(trace) and all(re.search(r"grad_fn=<\w+>\)$", text) for text in texts(trace))


@clause(
    "print.nonleaf-grad-fn",
    "A recorded result prints its node, as in grad_fn=<MulBackward0>, instead of requires_grad.",
    source="observed",
    area=AREA,
    profile="printing",
    witness=names_node,
)
def test_print_result(check: Any, programs: Any = generate(print_result)) -> None:
    check(programs)


def print_dtype(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2), b.pick(("float64", "bfloat16", "float16", "complex128")))
    b.observe(x, "repr")
    # Not neg: the sign of a zero of a complex result depends in PyTorch on where in memory it is.
    b.observe(b.call("add", x, x) if b.chance(2) else b.call("clone", x), "repr")


@clause(
    "print.dtype-before-grad-fn",
    "A dtype other than the default is printed before grad_fn and requires_grad.",
    source="observed",
    area=AREA,
    profile="printing",
    witness=lambda trace: finished(trace) and bool(re.search(r"dtype=torch\.\w+, grad_fn=<\w+>\)$", texts(trace)[-1])),
)
def test_print_dtype(check: Any, programs: Any = generate(print_dtype)) -> None:
    check(programs)


def print_parameter(torch: Any, drawn: Any) -> Any:
    data, dtype, tracked, as_text = drawn
    made = torch.nn.Parameter(torch.tensor(data, dtype=getattr(torch, dtype)), requires_grad=tracked)
    return (str if as_text else repr)(made), repr(made * 2), repr(made.data)


@clause(
    "print.parameter",
    "A Parameter prints 'Parameter containing:', a new line, and the tensor's text.",
    source="observed",
    area=AREA,
    profile="printing",
)
def test_print_parameter(
    check: Any,
    drawn: Any = scenario(
        print_parameter,
        lambda b: (numbers(b), b.pick(("float32", "float64", "float16")), not b.chance(3), b.chance(2)),
    ),
) -> None:
    check(drawn)


def print_quietly(torch: Any, drawn: Any) -> Any:
    data, how, times = drawn
    x = torch.tensor(data, requires_grad=True)
    y = x * 2
    print_once = {"repr": lambda: repr(y), "str": lambda: str(y), "format": lambda: f"{y}", "leaf": lambda: repr(x)}
    found, given = warned(lambda: [print_once[how]() for _ in range(times)])
    state = facts(y), y._version, y.grad_fn.next_functions[0][0].name(), torch.is_grad_enabled()
    y.sum().backward()
    return found, given, state, facts(x.grad), x._version


@clause(
    "print.no-side-effects",
    "Printing a tensor that requires grad records nothing, changes nothing and doesn't warn.",
    source="observed",
    area=AREA,
    profile="printing",
)
def test_print_quietly(
    check: Any,
    drawn: Any = scenario(
        print_quietly, lambda b: (numbers(b), b.pick(("repr", "str", "format", "leaf")), b.integer(1, 3))
    ),
) -> None:
    check(drawn)


def print_node(torch: Any, drawn: Any) -> Any:
    data, op = drawn
    x = torch.tensor(data, requires_grad=True)
    y = {
        "mul": lambda: x * 2,
        "exp": x.exp,
        "sum": x.sum,
        "view": lambda: x.view(-1),
        "pow": lambda: x**x,
        "cat": lambda: torch.cat([x, x]),
    }[op]()
    leaf_node = y.grad_fn.next_functions[0][0]
    return [re.sub("0x[0-9a-f]+", "0x…", text(node)) for node in (y.grad_fn, leaf_node) for text in (repr, str)]


@clause(
    "print.node-repr",
    "A node's text is its name and address, as in <MulBackward0 object at 0x…>.",
    source="observed",
    area=AREA,
    profile="printing",
)
def test_print_node(
    check: Any,
    drawn: Any = scenario(print_node, lambda b: (numbers(b), b.pick(("mul", "exp", "sum", "view", "pow", "cat")))),
) -> None:
    check(drawn)
