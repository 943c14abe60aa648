"""Clauses of ``leaf``: which tensors require grad, which are leaves, and what setting the flag does."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..judging.compare import Closeness
from ..programs.program import Program
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .seeing import facts, numbers

AREA = "leaf-and-requires-grad"
SETTING = "notes/autograd#Setting requires_grad"
FLAG_FORMS = ("requires_grad_", "requires_grad")


def views(trace: Trace) -> list[Observed]:
    """The tensors whose flags an Observe read, in order."""
    return [seen for seen in trace.steps if isinstance(seen, Observed) and seen.is_leaf is not None]


def recorded(trace: Trace) -> bool:
    return finished(trace) and any(seen.requires_grad and not seen.is_leaf for seen in views(trace))


def factory_calls(torch: Any, drawn: Any) -> Any:
    name, args, options = drawn
    return facts(getattr(torch, name)(*args, **options))[1:]


def draw_factory(b: Builder) -> Any:
    n = b.integer(0, 3)
    filled = ((n,), 2.0)
    calls = {"zeros": (n,), "ones": (n, 2), "full": filled, "eye": (n,)}
    calls |= {"tensor": ([1.0] * n,), "arange": (float(n),), "linspace": (0.0, 1.0, n)}
    name = b.pick(tuple(calls))
    return name, calls[name], b.pick(({}, {"requires_grad": False}, {"requires_grad": True}))


@clause(
    "leaf.factory-default-false",
    "A tensor from a factory function requires grad only where the factory was asked for that.",
    source=SETTING,
    area=AREA,
)
def test_factories(check: Any, drawn: Any = scenario(factory_calls, draw_factory)) -> None:
    check(drawn)


def parameters(torch: Any, drawn: Any) -> Any:
    data, options = drawn
    made = torch.nn.Parameter(torch.tensor(data), **options)
    return facts(made), type(made).__name__, isinstance(made, torch.Tensor)


def draw_parameter(b: Builder) -> Any:
    return numbers(b), b.pick(({}, {"requires_grad": False}, {"requires_grad": True}))


@clause(
    "leaf.parameter-default-true",
    "nn.Parameter requires grad by default, and not where requires_grad=False is passed.",
    source=SETTING,
    area=AREA,
)
def test_parameter(check: Any, drawn: Any = scenario(parameters, draw_parameter)) -> None:
    check(drawn)


def mixed_inputs(b: Builder) -> None:
    shape = b.shape()
    leaves = [b.leaf(shape, requires_grad=b.chance(2)) for _ in range(3)]
    results = [
        b.call(b.pick(("add", "mul", "maximum", "sub")), b.pick(leaves), b.pick(leaves)),
        b.call(b.pick(("sin", "exp", "neg", "clone")), b.pick(leaves)),
        b.call("where", b.call("gt", *leaves[:2]), b.pick(leaves), b.pick(leaves)),
    ]
    for result in results:
        b.observe(result, "flags", "graph")


@clause(
    "leaf.op-recorded-iff-any-input-requires-grad",
    "An operation is recorded where at least one tensor input requires grad; else its result has no grad_fn.",
    source=SETTING,
    area=AREA,
    witness=recorded,
)
def test_recorded(check: Any, programs: Any = generate(mixed_inputs)) -> None:
    check(programs)


def constants(b: Builder) -> None:
    x, y = b.leaf(requires_grad=False), b.leaf((), requires_grad=False)
    b.observe(x, "flags", "graph")
    b.observe(b.smooth(x, y), "flags", "graph")
    w = b.leaf()
    with b.mode(b.pick(("no_grad", "set_grad_enabled:False"))):
        b.observe(b.call(b.pick(("sin", "exp", "neg")), w), "flags", "graph")


def only_leaves(trace: Trace) -> bool:
    return len(views(trace)) == 3 and all(seen.is_leaf and not seen.requires_grad for seen in views(trace))


@clause(
    "leaf.is-leaf-nonrequiring",
    "A tensor that doesn't require grad is a leaf, even where an operation made it.",
    source="torch.Tensor.is_leaf",
    area=AREA,
    witness=only_leaves,
)
def test_constants_are_leaves(check: Any, programs: Any = generate(constants)) -> None:
    check(programs)


def made_and_computed(b: Builder) -> None:
    x = b.leaf()
    b.observe(x, "flags", "graph")
    b.observe(b.smooth(x), "flags", "graph")


@clause(
    "leaf.is-leaf-created",
    "A tensor that the user made with requires_grad is a leaf without grad_fn; a recorded result is no leaf.",
    source="torch.Tensor.is_leaf",
    area=AREA,
    witness=recorded,
)
def test_created(check: Any, programs: Any = generate(made_and_computed)) -> None:
    check(programs)


def casts(torch: Any, drawn: Any) -> Any:
    data, before, after, form = drawn
    x = torch.tensor(data, dtype=getattr(torch, before), requires_grad=True)
    y = x.to(getattr(torch, after)) if form == "to" else getattr(x, form)()
    y.sum().backward()
    return y is x, facts(y), facts(x), facts(x.grad)


def draw_cast(b: Builder) -> Any:
    kinds = ("float32", "float64", "float16", "bfloat16")
    form = b.pick(("to", "double", "float", "half", "bfloat16", "cpu"))
    return numbers(b), b.pick(kinds), b.pick(kinds[1:] + kinds[:1]), form


@clause(
    "leaf.cast-result-not-leaf",
    "Converting a leaf that requires grad to another dtype is recorded: the result is no leaf. "
    "Where nothing changes, the leaf itself comes back.",
    source="torch.Tensor.is_leaf",
    area=AREA,
)
def test_cast(check: Any, drawn: Any = scenario(casts, draw_cast)) -> None:
    check(drawn)


def anything(b: Builder) -> None:
    shape = b.shape()
    made: list[Value] = [b.leaf(shape, requires_grad=b.chance(2)) for _ in range(2)]
    for _ in range(b.integer(3, 7)):
        modes = b.pick(((), (), ("no_grad",), ("enable_grad",), ("no_grad", "enable_grad")))
        with b.mode(*modes):
            op = b.pick(("mul", "add", "sin", "detach", "clone", "neg"))
            args = [b.pick(made) for _ in range(2 if op in ("mul", "add") else 1)]
            made.append(b.call(op, *args, form="method"))
        b.observe(made[-1], "flags", "graph")


def node_implies_flag(program: Program, trace: Trace, close: Closeness) -> str | None:
    """The law: what has a grad_fn requires grad."""
    odd = [seen for seen in views(trace) if seen.grad_fn and not seen.requires_grad]
    return "a tensor has a grad_fn and doesn't require grad" if odd else None


@clause(
    "leaf.nonleaf-always-requires-grad",
    "A tensor that has a grad_fn requires grad.",
    source=SETTING,
    area=AREA,
    witness=recorded,
)
def test_node_implies_flag(check: Any, programs: Any = generate(anything)) -> None:
    check(programs, law=node_implies_flag)


def clear_on_result(b: Builder) -> None:
    y = b.smooth(b.leaf())
    # The attribute refuses True as well; the method refuses only False.
    form = b.pick(FLAG_FORMS)
    b.flag(y, form, form == "requires_grad" and b.chance(2))
    b.observe(y, "flags", "graph")


@clause(
    "leaf.requires-grad-setter-nonleaf-error",
    "Clearing requires_grad of a tensor that isn't a leaf raises RuntimeError.",
    source=SETTING,
    area=AREA,
    witness=raises,
)
def test_clear_on_result(check: Any, programs: Any = generate(clear_on_result)) -> None:
    check(programs)


def set_on_result(b: Builder) -> None:
    x = b.leaf()
    y = b.smooth(x)
    b.flag(y, "requires_grad_", True)
    b.observe(y, "flags", "graph")
    b.backward(b.scalar(y))
    b.grad_of(x)


@clause(
    "leaf.requires-grad-true-nonleaf-noop",
    "requires_grad_(True) on a recorded result is accepted and leaves its grad_fn as it was.",
    source="observed",
    area=AREA,
    witness=recorded,
)
def test_set_on_result(check: Any, programs: Any = generate(set_on_result)) -> None:
    check(programs)


def flips(torch: Any, drawn: Any) -> Any:
    data, dtype, settings = drawn
    x = torch.tensor(data).to(getattr(torch, dtype))
    return [(x.requires_grad_(*s) is x, x.requires_grad, x.is_leaf, x._version) for s in settings]


def draw_flips(b: Builder) -> Any:
    settings = [b.pick(((), (True,), (False,))) for _ in range(b.integer(1, 4))]
    return numbers(b), b.pick(("float32", "float64", "complex64", "bfloat16")), settings


@clause(
    "leaf.requires-grad_-returns-self",
    "requires_grad_() sets the flag in place (True without an argument) and returns the same object.",
    source="torch.Tensor.requires_grad_",
    area=AREA,
)
def test_flips(check: Any, drawn: Any = scenario(flips, draw_flips)) -> None:
    check(drawn)


def frozen(b: Builder) -> None:
    leaves = [b.leaf(()) for _ in range(b.integer(2, 4))]
    cold = b.pick(leaves)
    b.flag(cold, b.pick(FLAG_FORMS), False)
    b.backward(b.scalar(*leaves))
    for leaf in leaves:
        b.observe(leaf, "flags", "grad")


def one_without(trace: Trace) -> bool:
    got = [isinstance(seen.grad, Observed) for seen in views(trace)]
    return finished(trace) and any(got) and not all(got)


@clause(
    "leaf.freeze-excludes-from-graph",
    "A leaf frozen with requires_grad_(False) before the forward pass gets no gradient; its siblings do.",
    source=SETTING,
    area=AREA,
    witness=one_without,
)
def test_frozen(check: Any, programs: Any = generate(frozen)) -> None:
    check(programs)


def cleared_late(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    root = b.scalar(x, y)
    b.flag(x, b.pick(FLAG_FORMS), False)
    b.backward(root)
    b.observe(x, "flags", "grad")
    b.observe(y, "flags", "grad")


@clause(
    "leaf.requires-grad-cleared-after-record",
    "A leaf whose requires_grad is cleared after it was used is passed over by the later backward, without error.",
    source="observed",
    area=AREA,
    witness=one_without,
)
def test_cleared_late(check: Any, programs: Any = generate(cleared_late)) -> None:
    check(programs)


def flagged_late(b: Builder) -> None:
    x, w = b.leaf((), requires_grad=False), b.leaf(())
    early = b.smooth(w, x)
    b.flag(x, b.pick(FLAG_FORMS), True)
    root = b.call("sum", early)
    if b.chance(2):
        root = b.call("add", root, b.scalar(x))
    b.backward(root)
    b.observe(x, "flags", "grad")
    b.observe(w, "flags", "grad")


def flag_was_set(trace: Trace) -> bool:
    return finished(trace) and len(views(trace)) == 2 and bool(views(trace)[0].requires_grad)


@clause(
    "leaf.late-requires-grad-not-retroactive",
    "Turning requires_grad on after an operation ran doesn't make that operation differentiable in the input.",
    source=SETTING,
    area=AREA,
    witness=flag_was_set,
)
def test_flagged_late(check: Any, programs: Any = generate(flagged_late)) -> None:
    check(programs)


def modules(torch: Any, drawn: Any) -> Any:
    width, settings = drawn
    net = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))
    seen = []
    for setting in settings:
        same = net.requires_grad_(*setting) is net
        seen.append((same, [(name, p.requires_grad, p.is_leaf) for name, p in net.named_parameters()]))
    net[0].requires_grad_(False)
    return seen, [p.requires_grad for p in net.parameters()], net(torch.ones(3, 2)).requires_grad


def draw_module(b: Builder) -> Any:
    return b.integer(1, 3), [b.pick(((False,), (True,), ())) for _ in range(b.integer(1, 3))]


@clause(
    "leaf.module-requires-grad_",
    "requires_grad_ of a module sets the flag of all its parameters.",
    source=SETTING,
    area=AREA,
)
def test_modules(check: Any, drawn: Any = scenario(modules, draw_module)) -> None:
    check(drawn)
