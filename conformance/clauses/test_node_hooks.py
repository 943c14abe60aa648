"""Clauses of ``node``: hooks on graph nodes, and the order in which everything runs."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Nothing, Observed, Trace
from ..promises.clause import clause, finished, generate
from .hooking import differentiate, failed_after_hook, fork, hooked, hooked_and_stored, path, run, several, tags

AREA = "node-hooks-and-graph"
HOOK = "torch.autograd.graph.Node.register_hook"
PREHOOK = "torch.autograd.graph.Node.register_prehook"
ORDER = "notes/autograd#The order in which the different hooks are fired"
WHETHER = "notes/autograd#Whether a particular hook will be fired"
REPLACING = ("record", "double", "negate", "zero", "clone")


def node_hook(kind: str, *actions: str) -> Any:
    """Programs with one to two hooks of a kind on drawn nodes; leaves have a node too."""

    def build(b: Builder) -> None:
        leaves, branches, root = fork(b)
        nodes = [*branches, root, *(leaves if kind == "node_pre" else [])]
        for _ in range(b.integer(1, 2)):
            b.hook(b.pick(nodes), b.pick(actions), kind)
        run(b, root)

    return generate(build)


@clause(
    "node.post-hook-signature",
    "A node's post-hook is given the tuples of input and output gradients once the node ran, "
    "and may return another tuple of input gradients.",
    source=HOOK,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_post_hook(check: Any, programs: Any = node_hook("node_post", *REPLACING)) -> None:
    check(programs)


@clause(
    "node.prehook-signature",
    "A node's pre-hook is given the tuple of output gradients before the node runs, and may return another one.",
    source=PREHOOK,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_prehook(check: Any, programs: Any = node_hook("node_pre", *REPLACING)) -> None:
    check(programs)


def wrong_result(action: str) -> Any:
    """Programs whose hook on a node returns no tuple, or too short a one, after a drawn good hook."""

    def build(b: Builder) -> None:
        x, y, root = path(b)
        target = b.pick((y, root))
        kind = b.pick(("node_post", "node_pre"))
        if b.chance(2):
            b.hook(target, b.pick(("record", "double")), kind)
        b.hook(target, action, kind)
        run(b, root)
        b.grad_of(x)

    return generate(build)


@clause(
    "node.hook-return-length-error",
    "A node's hook that returns a tuple of another length makes the pass raise RuntimeError.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=failed_after_hook,
)
def test_short(check: Any, programs: Any = wrong_result("short")) -> None:
    check(programs)


@clause(
    "node.hook-return-type-error",
    "A node's hook that returns a bare tensor instead of a tuple makes the pass raise TypeError.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=failed_after_hook,
)
def test_bare(check: Any, programs: Any = wrong_result("bare")) -> None:
    check(programs)


def hooks_everywhere(b: Builder) -> None:
    leaves, branches, root = fork(b)
    for k, (leaf, branch) in enumerate(zip(leaves, branches)):
        b.hook(branch, kind=b.pick(("node_pre", "node_post")), tag=f"branch{k}")
        b.hook(leaf, kind=b.pick(("node_pre", "node_post")), tag=f"leaf{k}")
    wanted = b.pick(leaves)
    if b.chance(2):
        differentiate(b, root, [wanted])
    else:
        run(b, root, inputs=[wanted])


def one_branch_ran(trace: Trace) -> bool:
    return finished(trace) and len({tag[-1] for tag in tags(trace)}) == 1


@clause(
    "node.hooks-fire-only-if-executed",
    "A node's hooks run only in passes that execute the node.",
    source=WHETHER,
    area=AREA,
    profile="hooks",
    witness=one_branch_ran,
)
def test_only_if_executed(check: Any, programs: Any = generate(hooks_everywhere)) -> None:
    check(programs)


def asked_for_result(b: Builder) -> None:
    x, y, root = path(b)
    b.hook(y, kind=b.pick(("node_pre", "node_post")), tag="input")
    b.hook(root, kind=b.pick(("node_pre", "node_post")), tag="root")
    differentiate(b, root, b.pick(([y], [y], [y], [y, x])))


def input_skipped(trace: Trace) -> bool:
    return finished(trace) and tags(trace) == ["root"]


@clause(
    "node.grad-does-not-run-input-node",
    "grad doesn't execute the node of an input that isn't a leaf, unless another input lies behind it.",
    source=WHETHER,
    area=AREA,
    profile="hooks",
    witness=input_skipped,
)
def test_input_node_skipped(check: Any, programs: Any = generate(asked_for_result)) -> None:
    check(programs)


def accumulated_into_result(b: Builder) -> None:
    x, y, root = path(b)
    b.hook(y, kind=b.pick(("node_pre", "node_post")), tag="input")
    b.hook(x, tag="leaf")
    run(b, root, inputs=b.pick(([y], [y], [y], [y, x])))
    b.grad_of(y)
    b.grad_of(x)


def input_ran(trace: Trace) -> bool:
    return finished(trace) and "input" in tags(trace)


@clause(
    "node.backward-runs-input-node",
    "backward(inputs=…) executes the node of an input that isn't a leaf, though nothing is done with its result.",
    source=WHETHER,
    area=AREA,
    profile="hooks",
    witness=input_ran,
)
def test_input_node_run(check: Any, programs: Any = generate(accumulated_into_result)) -> None:
    check(programs)


def every_event(b: Builder, actions: tuple[str, ...]) -> None:
    _, y, root = path(b)
    kinds = ["tensor", "node_pre", "node_post"]
    for _ in range(b.integer(0, 2)):
        kinds.insert(b.choose(len(kinds)), b.pick(("tensor", "node_pre", "node_post")))
    place = b.choose(len(kinds))
    for k, kind in enumerate(kinds):
        if k == place:
            b.retain_grad(y)
        # A hook that looks sees whether .grad is stored by then; one that replaces shows whether it still counts.
        b.hook(y, b.pick(actions), kind, tag=f"{kind}{k}")
    run(b, root)
    b.observe(y, "grad")


def in_order(trace: Trace) -> bool:
    """Tensor hooks, then pre-hooks, then post-hooks; the gradient was kept."""
    order = [("tensor", "node_pre", "node_post").index(tag.rstrip("0123456789")) for tag in tags(trace)]
    seen = trace.steps[-1]
    return order == sorted(order) and len(order) > 2 and isinstance(seen, Observed) and isinstance(seen.grad, Observed)


def looking(b: Builder) -> None:
    every_event(b, ("look",))


@clause(
    "node.order-full",
    "Documented is: tensor hooks, pre-hooks, the store of retain_grad, the node, post-hooks; seen is that the store "
    "comes before the pre-hooks, which find .grad set (drift).",
    source=ORDER,
    area=AREA,
    profile="hooks",
    witness=in_order,
)
def test_order_full(check: Any, programs: Any = generate(looking)) -> None:
    check(programs)


def replacing(b: Builder) -> None:
    every_event(b, ("double", "negate"))


@clause(
    "node.order-observed",
    "What a pre-hook returns doesn't show in the gradient that retain_grad stored: it was stored before, "
    "after the tensor hooks.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=in_order,
)
def test_order_observed(check: Any, programs: Any = generate(replacing)) -> None:
    check(programs)


def events_of_a_leaf(b: Builder) -> None:
    x, _, root = path(b)
    kinds = ["tensor", "node_pre", "post_accumulate", "node_post"]
    if b.chance(2):
        kinds.reverse()
    kinds.insert(b.choose(4), b.pick(("tensor", "node_pre", "post_accumulate")))
    for k, kind in enumerate(kinds):
        b.hook(x, b.pick(("look", "double")) if kind in ("tensor", "node_pre") else "look", kind, tag=f"{kind}{k}")
    for _ in range(b.integer(1, 2)):
        run(b, root, retain_graph=True)


def leaf_in_order(trace: Trace) -> bool:
    kinds = ("tensor", "node_pre", "post_accumulate", "node_post")
    order = [kinds.index(tag.rstrip("0123456789")) for tag in tags(trace)[:5]]
    return finished(trace) and len(order) == 5 and order == sorted(order)


@clause(
    "node.order-accumulate",
    "On a leaf's node the order is: tensor hooks, pre-hooks, the accumulation, post-accumulate hooks, post-hooks.",
    source=ORDER,
    area=AREA,
    profile="hooks",
    witness=leaf_in_order,
)
def test_order_accumulate(check: Any, programs: Any = generate(events_of_a_leaf)) -> None:
    check(programs)


def many_nodes(b: Builder) -> None:
    shape = b.shape(0, 1)
    made = [b.leaf(shape) for _ in range(b.integer(1, 3))]
    leaves = len(made)
    for _ in range(b.integer(3, 7)):
        op = b.pick(("mul", "add", "sin", "neg", "tanh"))
        made.append(b.call(op, *(b.pick(made) for _ in range(2 if op in ("mul", "add") else 1))))
    root = made[leaves]
    for value in made[leaves + 1 :]:
        root = b.call("add", root, value)
    for k, value in enumerate(made):
        b.hook(value, kind="tensor" if k < leaves else "node_post", tag=f"n{k}")
    run(b, root)


@clause(
    "node.order-of-execution-reverse",
    "Of the nodes that are ready the one that was made last runs first; a leaf's as soon as it is ready.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=several,
)
def test_order_of_execution(check: Any, programs: Any = generate(many_nodes)) -> None:
    check(programs)


def prehooks(b: Builder) -> None:
    x, y, root = path(b)
    target = b.pick((y, root, x))
    for _ in range(b.integer(2, 4)):
        b.hook(target, b.pick(("double", "negate", "square", "record")), "node_pre")
    run(b, root)


@clause(
    "node.prehooks-run-in-order",
    "The pre-hooks of a node run in the order in which they were registered, each on what the one before returned.",
    source=ORDER,
    area=AREA,
    profile="hooks",
    witness=several,
)
def test_prehooks(check: Any, programs: Any = generate(prehooks)) -> None:
    check(programs)


def mixed_inputs(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    constant = b.like(x)
    args = [x, constant] if b.chance(2) else [constant, x]
    y = b.call(b.pick(("mul", "sub", "atan2", "maximum")), *args)
    b.hook(y, b.pick(("record", "double")), "node_post")
    run(b, y)


def none_among(trace: Trace) -> bool:
    found = [part for call in trace.hooks if isinstance(call.grads[0], tuple) for part in call.grads[0]]
    return hooked(trace) and any(isinstance(part, Nothing) for part in found)


@clause(
    "node.hook-grad-inputs-none",
    "A post-hook finds None in grad_inputs for an input that needs no gradient.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=none_among,
)
def test_none_inputs(check: Any, programs: Any = generate(mixed_inputs)) -> None:
    check(programs)
