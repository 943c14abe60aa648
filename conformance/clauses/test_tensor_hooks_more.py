"""Clauses of ``thook``: hooks and writes in place, hooks made by hooks, on several tensors, on modules."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Observed, Raised, Trace
from ..promises.clause import clause, finished, generate, scenario
from .draws import numbers
from .hooking import CHANGING, differentiate, fork, hooked, hooked_and_stored, run, several, tags

AREA = "tensor-hooks"
NOTES = "notes/autograd#Backward Hooks execution"
IN_PLACE = "notes/autograd#Behavior of Tensor hooks when Tensor is modified in-place"
MULTI = "torch.autograd.graph.register_multi_grad_hook"


def product(b: Builder) -> Value:
    """A value whose node doesn't need it again, so that it may be written."""
    x = b.leaf(b.shape(0, 2))
    return b.call("mul", x, b.like(x))


def write(b: Builder, y: Value) -> None:
    """One to two writes that keep the shape."""
    for _ in range(b.integer(1, 2)):
        op = b.pick(("mul", "add", "neg", "exp", "sin"))
        b.call(op, y, *([b.like(y)] if op in ("mul", "add") else []), form="inplace")


def hook_then_write(b: Builder) -> None:
    y = product(b)
    b.hook(y, b.pick(("record", *CHANGING)), tag="old")
    write(b, y)
    run(b, b.smooth(y, depth=1))


@clause(
    "thook.inplace-bound-to-old-grad-fn",
    "A hook registered before a write in place stays with the old value: it is given that value's gradient.",
    source=IN_PLACE,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_hook_then_write(check: Any, programs: Any = generate(hook_then_write)) -> None:
    check(programs)


def write_then_hook(b: Builder) -> None:
    y = product(b)
    if b.chance(2):
        b.hook(y, tag="old")
    write(b, y)
    b.hook(y, b.pick(("record", *CHANGING)), tag="new")
    run(b, b.smooth(y, depth=1))


@clause(
    "thook.inplace-registered-after",
    "A hook registered after a write in place is given the gradient of the new value.",
    source=IN_PLACE,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_write_then_hook(check: Any, programs: Any = generate(write_then_hook)) -> None:
    check(programs)


def retain_then_write(b: Builder) -> None:
    """Kept is the gradient of a result, or of a view of it; written is either."""
    y = product(b)
    v = b.call("unsqueeze", y, 0)
    kept, written = b.pick(((y, y), (v, y), (v, v), (y, v)))
    b.retain_grad(kept)
    if b.chance(2):
        b.hook(kept, b.pick(CHANGING), tag="old")
    write(b, written)
    run(b, b.smooth(kept, depth=1))
    b.grad_of(kept)


def kept_gradient(trace: Trace) -> bool:
    return finished(trace) and isinstance(trace.steps[-1], Observed)


@clause(
    "thook.retain-grad-inplace-moves",
    "retain_grad, unlike a hook, follows its tensor through a write in place, to it, its base or a view of it: it "
    "stores the new value's gradient.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=kept_gradient,
)
def test_retain_then_write(check: Any, programs: Any = generate(retain_then_write)) -> None:
    check(programs)


def hook_makes_hook(torch: Any, drawn: Any) -> Any:
    data, length, at, made_at, factor = drawn
    chain = [torch.tensor(data, dtype=torch.float64, requires_grad=True)]
    for k in range(length):
        chain.append(chain[-1] * (k + 2))
    log: list[Any] = []

    def late(g: Any) -> Any:
        log.append(("late", g.tolist()))
        return g * factor

    def early(g: Any) -> None:
        log.append(("early", g.tolist()))
        chain[made_at].register_hook(late)

    handle = chain[at].register_hook(early)
    chain[-1].sum().backward(retain_graph=True)
    first = len(log), chain[0].grad.tolist()
    handle.remove()
    chain[-1].sum().backward()
    return first, log, chain[0].grad.tolist()


def draw_chain(b: Builder) -> Any:
    length = b.integer(1, 4)
    return numbers(b), length, b.integer(0, length), b.integer(0, length), b.integer(-1, 3)


@clause(
    "thook.register-during-backward",
    "A hook that a hook registers on a tensor behind it runs in the same pass; on a tensor already passed, "
    "in the next one.",
    source="observed",
    area=AREA,
    profile="hooks",
)
def test_hook_makes_hook(check: Any, drawn: Any = scenario(hook_makes_hook, draw_chain)) -> None:
    check(drawn)


def leaf_with_many_paths(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    b.hook(x, b.pick(("record", "double")), tag="leaf")
    total = b.smooth(x, depth=1)
    for _ in range(b.integer(1, 3)):
        total = b.call("add", total, b.smooth(x, depth=b.integer(1, 2)))
    for _ in range(b.integer(1, 3)):
        run(b, total, retain_graph=True)


def once_a_pass(trace: Trace) -> bool:
    # All steps that made neither a value nor an error: the leaf, the hook, and each pass.
    return hooked_and_stored(trace) and set(tags(trace)) == {"leaf"} and len(trace.hooks) <= 3


@clause(
    "thook.leaf-hook-once-per-backward",
    "A leaf's hook runs once a pass, with the total gradient, however many paths lead to the leaf.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=once_a_pass,
)
def test_leaf_once(check: Any, programs: Any = generate(leaf_with_many_paths)) -> None:
    check(programs)


def hook_on_root(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    root = b.pick((b.smooth(x), b.call("sum", b.smooth(x)), x))
    b.hook(root, b.pick(("record", *CHANGING)), tag="root")
    if root.shape == () and b.chance(2):
        b.backward(root)
    else:
        run(b, root)


@clause(
    "thook.seed-hook-on-root",
    "A hook on the root, be it a leaf, is given the seed.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_root(check: Any, programs: Any = generate(hook_on_root)) -> None:
    check(programs)


def differentiable_hook(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    y = b.call(b.pick(("sin", "exp", "tanh")), x)
    for _ in range(b.integer(1, 2)):
        b.hook(b.pick((y, x)), b.pick(("square", "double", "negate")))
    root = b.call("mul", y, y)
    first = b.item(differentiate(b, root, [x], create_graph=True), 0)
    first.requires_grad, first.is_leaf = True, False
    b.observe(first, "flags")
    differentiate(b, b.call("mul", first, x), [x])


@clause(
    "thook.double-backward-hooks-differentiable",
    "Under create_graph what a hook computes is recorded, and takes part in the next derivative.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=several,
)
def test_differentiable(check: Any, programs: Any = generate(differentiable_hook)) -> None:
    check(programs)


def watched(b: Builder, mode: str) -> tuple[list[Value], list[Value], Value, Value]:
    """A hook on some leaves and branches of a fork, and on a leaf that nothing leads to."""
    leaves, branches, root = fork(b)
    everything = [*leaves, *branches, b.leaf()]
    start = b.choose(len(everything) - 1)
    hook = b.multi_hook(everything[start:] if b.chance(2) else everything[start : start + 2], mode)
    return leaves, branches, root, hook


def multi_all(b: Builder) -> None:
    leaves, branches, root, _ = watched(b, "all")
    for _ in range(b.integer(1, 2)):
        inputs = [b.pick(leaves)] if b.chance(3) else None
        run(b, root, retain_graph=True, inputs=inputs)
    if b.chance(3):
        differentiate(b, root, [b.pick(branches)])


@clause(
    "thook.multi-grad-all",
    "A hook on several tensors in 'all' mode runs once a pass, after the last gradient, with None for what isn't "
    "reached.",
    source=MULTI,
    area=AREA,
    profile="hooks",
    witness=hooked,
)
def test_multi_all(check: Any, programs: Any = generate(multi_all)) -> None:
    check(programs)


def multi_any(b: Builder) -> None:
    leaves, _, root, _ = watched(b, "any")
    for _ in range(b.integer(1, 2)):
        run(b, root, retain_graph=True, inputs=[b.pick(leaves)] if b.chance(3) else None)


@clause(
    "thook.multi-grad-any",
    "A hook on several tensors in 'any' mode runs once a pass, with the first gradient.",
    source=MULTI,
    area=AREA,
    profile="hooks",
    witness=hooked,
)
def test_multi_any(check: Any, programs: Any = generate(multi_any)) -> None:
    check(programs)


def multi_removed(b: Builder) -> None:
    _, branches, root, hook = watched(b, b.pick(("all", "any")))
    run(b, root, retain_graph=True)
    for _ in range(b.integer(1, 2)):
        b.remove_hook(hook)
    run(b, root)
    b.multi_hook(branches, "some")


def ran_then_refused(trace: Trace) -> bool:
    last = trace.steps[-1]
    return len(trace.hooks) == 1 and isinstance(last, Raised) and last.kind == "ValueError"


@clause(
    "thook.multi-grad-remove",
    "remove() of its handle stops a hook on several tensors; a mode that isn't 'all' or 'any' raises ValueError.",
    source=MULTI,
    area=AREA,
    profile="hooks",
    witness=ran_then_refused,
)
def test_multi_removed(check: Any, programs: Any = generate(multi_removed)) -> None:
    check(programs)


def module_hook(torch: Any, drawn: Any) -> Any:
    data, kind, answer, needs = drawn
    nn = torch.nn

    class Total(nn.Module):
        def forward(self, first, *rest):
            total = first
            for part in rest:
                total = total + part
            return total

    made = {"tanh": nn.Tanh, "linear": lambda: nn.Linear(2, 1), "identity": nn.Identity, "total": Total}
    net = made[kind]().double()
    for p in net.parameters():
        p.data.fill_(0.5)
    seen: list[Any] = []

    def listed(grads: Any) -> Any:
        return [None if g is None else [round(v, 9) for v in g.reshape(-1).tolist()] for g in grads]

    def hook(module: Any, grad_input: Any, grad_output: Any) -> Any:
        seen.append((module is net, type(grad_input).__name__, listed(grad_input), listed(grad_output)))
        return tuple(g and None if g is None else g * 2 for g in grad_input) if answer else None

    handle = net.register_full_backward_hook(hook)
    x = torch.tensor([data[:1] * 2], dtype=torch.float64, requires_grad=needs)
    factors = range(1, len(data) + 1) if kind == "total" else (1,)
    out = net(*(x * k for k in factors))
    if out.requires_grad:
        out.sum().backward()
    first = None if x.grad is None else listed([x.grad])
    handle.remove()
    if out.requires_grad:
        net(*(x * k for k in factors)).sum().backward()
    return seen, first, listed([x.grad]), [listed([p.grad]) for p in net.parameters()]


def draw_module(b: Builder) -> Any:
    return numbers(b), b.pick(("linear", "tanh", "identity", "total")), bool(b.choose(2)), bool(b.choose(2))


@clause(
    "thook.module-full-backward-hook",
    "A module's full backward hook is given the module and the tuples of input and output gradients, "
    "and may return other input gradients.",
    source="notes/autograd#Special hooks",
    area=AREA,
    profile="hooks",
)
def test_module_hook(check: Any, drawn: Any = scenario(module_hook, draw_module)) -> None:
    check(drawn)
