"""Clauses of ``node``: what a graph node says of itself and of the graph behind it."""

from __future__ import annotations

from typing import Any

from ..catalogue import operators
from ..drawing.build import Builder, Value
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, scenario
from .draws import numbers
from .seeing import attempt, facts

AREA = "node-hooks-and-graph"
NODE = "torch.autograd.graph.Node"
EDGE = "torch.autograd.graph.GradientEdge"
UNARY = ("sin", "exp", "neg", "tanh", "abs", "clone", "sqrt", "log", "relu", "square", "reciprocal", "sigmoid")
BINARY = ("mul", "add", "sub", "div", "pow", "maximum", "atan2", "minimum")
SEVERAL = ("max.dim", "min.dim", "sort", "topk", "unbind", "split", "chunk")


def with_spec() -> list[str]:
    """Operators whose recorded graph is specified."""
    lines = operators().values()
    lines = [line for line in lines if line.differentiable and line.plain_forms]
    return [line.name for line in lines if line.graph == "spec" and line.outputs is None]


def node_facts(trace: Trace) -> list[Any]:
    """(own identity, output number, [(identity, output number, leaf), …]) of the tensors that were looked at."""
    found = [seen.more for seen in trace.steps if isinstance(seen, Observed) and seen.more]
    return [more["nodes"] for more in found if "nodes" in more]


def recorded(trace: Trace) -> bool:
    """The last tensor that was observed has a node."""
    seen = [o for o in trace.steps if isinstance(o, Observed) and o.grad_fn is not None]
    return finished(trace) and bool(seen) and seen[-1].grad_fn is not False


def named_node(b: Builder) -> None:
    if b.chance(4):
        y = b.transform("function", None, [b.leaf()], rule=b.pick(("square", "triple_gradient")))
    else:
        names = with_spec()
        line = operators()[names[b.choose(len(names))]]
        y = b.apply(line)
    b.observe(y, "graph", "flags")
    b.observe(b.call("add", y, y), "graph")


@clause(
    "node.name",
    "grad_fn.name() names the operation that made the tensor; a leaf's node is an AccumulateGrad.",
    source="torch.autograd.graph.Node.name",
    area=AREA,
    witness=recorded,
)
def test_name(check: Any, programs: Any = generate(named_node)) -> None:
    check(programs)


def remember(torch: Any, drawn: Any) -> Any:
    data, entries = drawn
    x = torch.tensor(data, requires_grad=True)
    y, z = x * 2, x + 1
    before = type(y.grad_fn.metadata).__name__, dict(y.grad_fn.metadata)
    for key, value in entries:
        y.grad_fn.metadata[key] = value
    node = y.grad_fn
    del y
    root = (z * 3).sum()
    root.backward()
    return before, dict(node.metadata), dict(z.grad_fn.metadata), node.metadata is node.metadata


def draw_entries(b: Builder) -> Any:
    return numbers(b), [(b.pick(("a", "b", 3, (1, 2))), b.integer(0, 9)) for _ in range(b.integer(1, 4))]


@clause(
    "node.metadata-dict",
    "A node's metadata is a dict to write into, which lives as long as the node.",
    source="torch.autograd.graph.Node.metadata",
    area=AREA,
)
def test_metadata(check: Any, drawn: Any = scenario(remember, draw_entries)) -> None:
    check(drawn)


def expression(b: Builder) -> tuple[list[Value], list[Value]]:
    """Leaves, of which some need no gradient, and results of operators on them, on each other and on numbers."""
    shape = b.shape(1, 2)
    leaves = [b.leaf(shape), *(b.leaf(shape, requires_grad=b.chance(2)) for _ in range(2))]
    made: list[Value] = []
    for _ in range(b.integer(1, 4)):
        pool = [*leaves, *made]
        if b.chance(2):
            op = b.pick(BINARY)
            other = b.pick(pool) if b.chance(2) else b.integer(1, 3)
            other = other if op in ("mul", "add", "sub", "div", "pow") or isinstance(other, Value) else b.pick(pool)
            made.append(b.call(op, b.pick(pool), other, form="method"))
        else:
            made.append(b.call(b.pick(UNARY), b.pick(pool)))
    return leaves, made


def edges(b: Builder) -> None:
    _, made = expression(b)
    for value in made:
        b.observe(value, "nodes", "graph")
    b.observe(b.call("mul", made[-1], b.leaf(made[-1].shape)), "nodes", "graph")


def some_edge(trace: Trace) -> bool:
    return finished(trace) and any(behind for _, _, behind in node_facts(trace))


@clause(
    "node.next-functions",
    "next_functions has a pair (node, output number) for every input; (None, 0) where it needs no gradient.",
    source="torch.autograd.graph.Node.next_functions",
    area=AREA,
    witness=some_edge,
)
def test_next_functions(check: Any, programs: Any = generate(edges)) -> None:
    check(programs)


def sinks(b: Builder) -> None:
    shape = b.shape()
    leaves = [b.leaf(shape) for _ in range(b.integer(1, 3))]
    for _ in range(b.integer(1, 3)):
        b.observe(b.call(b.pick(BINARY), b.pick(leaves), b.pick(leaves)), "nodes")


def leads_to_leaf(trace: Trace) -> bool:
    return finished(trace) and any(leaf >= 0 for _, _, behind in node_facts(trace) for _, _, leaf in behind)


@clause(
    "node.accumulate-grad-variable",
    "The AccumulateGrad node behind an operation has the leaf as .variable: the very object.",
    source="observed",
    area=AREA,
    witness=leads_to_leaf,
)
def test_variable(check: Any, programs: Any = generate(sinks)) -> None:
    check(programs)


def read_twice(b: Builder) -> None:
    leaves, made = expression(b)
    for _ in range(b.integer(2, 4)):
        b.observe(b.pick(made), "nodes")
    x = leaves[0]
    with b.mode(*b.pick(((), ("no_grad",), ("thread",)))):
        y = b.smooth(x, depth=1)
        b.observe(y, "nodes")
        b.observe(y, "nodes")


def seen_again(trace: Trace) -> bool:
    own = [node for node, _, _ in node_facts(trace) if node >= 0]
    return finished(trace) and len(own) > len(set(own))


@clause(
    "node.same-object-identity",
    "grad_fn gives the same object each time it is asked for.",
    source="observed",
    area=AREA,
    witness=seen_again,
)
def test_identity(check: Any, programs: Any = generate(read_twice)) -> None:
    check(programs)


def shared_sink(trace: Trace) -> bool:
    """Two operations lead to the same leaf."""
    found = [leaf for _, _, behind in node_facts(trace) for _, _, leaf in behind if leaf >= 0]
    return finished(trace) and len(found) > len(set(found))


def uses_of_leaf(b: Builder) -> None:
    x = b.leaf(b.shape())
    for _ in range(b.integer(2, 4)):
        y = b.call(b.pick(UNARY), x)
        b.observe(y, "nodes")
        if b.chance(3):
            b.backward(y, gradient=b.like(y))


@clause(
    "node.accumulate-grad-shared",
    "All uses of a leaf lead to one AccumulateGrad node, as long as something holds it.",
    source="observed",
    area=AREA,
    witness=shared_sink,
)
def test_shared(check: Any, programs: Any = generate(uses_of_leaf)) -> None:
    check(programs)


def several_outputs(b: Builder) -> None:
    parts = b.apply(operators()[b.pick(SEVERAL)])
    count = len(parts.parts or ())
    if not count or not parts.requires_grad:
        return
    last = b.item(parts, 0)
    for k in range(min(count, 3)):
        part = b.item(parts, k)
        b.observe(part, "nodes")
        if part.dtype == b.dtype:
            last = part
    b.observe(b.call("sin", last), "nodes")


def later_output(trace: Trace) -> bool:
    facts = node_facts(trace)
    return finished(trace) and len(facts) > 1 and facts[-1][0] >= 0


@clause(
    "node.output-nr",
    "The outputs of one operation share a node and differ in output_nr, which also stands in the next_functions of "
    "what uses them.",
    source="observed",
    area=AREA,
    needs=("graph",),
    witness=later_output,
)
def test_output_nr(check: Any, programs: Any = generate(several_outputs)) -> None:
    check(programs)


def call_node(torch: Any, drawn: Any) -> Any:
    data, (name, live, extra) = drawn
    x = torch.tensor([v * v + 1 for v in data], dtype=torch.float64, requires_grad=True)
    other = torch.full_like(x, 2.0)
    y = {"mul": lambda: x * other, "add": lambda: x + x, "neg": lambda: -x, "sum": lambda: x.sum()}[name]()
    g = torch.full_like(y, 3.0).detach().requires_grad_(live)

    def called() -> Any:
        found = y.grad_fn(*([g] * (1 + extra)))
        found = found if isinstance(found, tuple) else (found,)
        return [None if part is None else [part.tolist(), part.requires_grad] for part in found]

    return attempt(called), facts(x.grad), attempt(lambda: torch.autograd.grad(y, x, g.detach())[0].tolist())


def draw_call(b: Builder) -> Any:
    return numbers(b), (b.pick(("mul", "add", "neg", "sum")), bool(b.choose(2)), int(b.chance(4)))


@clause(
    "node.callable",
    "A node can be called with the gradients of its outputs, and returns those of its inputs.",
    source="autograd#Autograd graph",
    area=AREA,
)
def test_callable(check: Any, drawn: Any = scenario(call_node, draw_call)) -> None:
    check(drawn)


def edge_fields(torch: Any, drawn: Any) -> Any:
    data, (kind, nr) = drawn
    edge_of = torch.autograd.graph.get_gradient_edge
    x = torch.tensor(data * 3, dtype=torch.float64, requires_grad=True)
    parts = x.reshape(3, -1).unbind()
    target = {"leaf": x, "result": x * 2, "part": parts[nr]}[kind]
    edge = edge_of(target)
    seen = [edge.node.name(), edge.output_nr, edge.node is target.grad_fn, edge.node is edge_of(target).node]
    root = (parts[nr] * parts[nr]).sum() + (x if kind == "leaf" else target).sum()
    found = torch.autograd.grad(root, [edge, x], retain_graph=True)
    torch.autograd.backward([edge], [torch.ones_like(target)])
    return seen, type(edge).__name__, edge._fields[:2], [g.tolist() for g in found], x.grad.tolist()


def draw_edge(b: Builder) -> Any:
    return numbers(b), (b.pick(("leaf", "result", "part")), b.integer(0, 2))


@clause(
    "node.gradient-edge-fields",
    "get_gradient_edge gives the node and the output number, for a leaf its AccumulateGrad; an edge serves as root "
    "and as input of a pass.",
    source=EDGE,
    area=AREA,
)
def test_edge(check: Any, drawn: Any = scenario(edge_fields, draw_edge)) -> None:
    check(drawn)


def edge_of_constant(torch: Any, drawn: Any) -> Any:
    data, kind = drawn
    x = torch.tensor(data, requires_grad=True)
    with torch.no_grad():
        unrecorded = x * 2
    made = {"constant": torch.tensor(data), "detached": x.detach(), "unrecorded": unrecorded, "int": x.long()}
    return attempt(lambda: torch.autograd.graph.get_gradient_edge(made[kind]))


@clause(
    "node.gradient-edge-nonrequiring-error",
    "get_gradient_edge of a tensor that doesn't require grad raises RuntimeError.",
    source="observed",
    area=AREA,
)
def test_edge_of_constant(
    check: Any,
    drawn: Any = scenario(
        edge_of_constant, lambda b: (numbers(b), b.pick(("constant", "detached", "unrecorded", "int")))
    ),
) -> None:
    check(drawn)


def are_nodes(torch: Any, drawn: Any) -> Any:
    data, names = drawn
    node = torch.autograd.graph.Node
    x = torch.tensor([v * v + 1 for v in data], requires_grad=True)

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, t: Any) -> Any:
            return t * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    seen = []
    for name in names:
        y = Twice.apply(x) if name == "Twice" else getattr(torch, name)(x)
        behind = [fn for fn, _ in y.grad_fn.next_functions if fn is not None]
        seen.append(
            (isinstance(y.grad_fn, node), issubclass(type(y.grad_fn), node), [isinstance(f, node) for f in behind])
        )
    return seen, isinstance(x, node), isinstance(None, node)


def draw_names(b: Builder) -> Any:
    return numbers(b), [b.pick(("Twice", *UNARY)) for _ in range(b.integer(1, 4))]


@clause(
    "node.isinstance",
    "Every grad_fn, that of a custom Function included, is an instance of torch.autograd.graph.Node.",
    source=NODE,
    area=AREA,
)
def test_isinstance(check: Any, drawn: Any = scenario(are_nodes, draw_names)) -> None:
    check(drawn)
