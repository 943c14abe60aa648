"""Clauses of ``saved``: what graph nodes save, when, and how hooks on it stand in between."""

from __future__ import annotations

from typing import Any

from ..catalogue import Operator, operators
from ..drawing.build import Builder, Value
from ..programs.trace import HookCall, Observed, Raised, Trace
from ..promises.clause import clause, finished, generate, raises
from .hooking import differentiate, hooked, hooked_and_stored, run, tags

AREA = "saved-tensors"
NOTES = "notes/autograd#Saved tensors"
HOOKS = "torch.autograd.graph.saved_tensors_hooks"
PAIRS = "notes/autograd#Hooks for saved tensors"
INPUT_SAVERS = ("sin", "cos", "log", "square", "abs", "atan")
RESULT_SAVERS = ("exp", "tanh", "sigmoid", "sqrt", "relu", "reciprocal", "rsqrt", "tan")


def specified() -> list[Operator]:
    """Operators whose graph, and so what they save, is specified, and that can be called without writing."""
    lines = operators().values()
    return [line for line in lines if line.differentiable and line.graph == "spec" and line.plain_forms]


def drawn_result(b: Builder) -> Value:
    """A tensor made by any operator whose saved set is specified."""
    lines = specified()
    y = b.apply(lines[b.choose(len(lines))])
    return y if y.parts is None else b.item(y, 0)


def saving(b: Builder, x: Value) -> Value:
    """A result whose graph saved one to several tensors of x's shape."""
    y = b.call(b.pick(INPUT_SAVERS[:2] + RESULT_SAVERS[:3]), x)
    return b.call("mul", y, b.pick((x, y))) if b.chance(2) else y


def entries(seen: Any) -> Any:
    """What a node saved, as (name, value's place, memory, tensor), of an observed tensor."""
    return seen.more["saved"] if isinstance(seen, Observed) and seen.more and "saved" in seen.more else ()


def last_entries(trace: Trace) -> Any:
    found = [entries(seen) for seen in trace.steps if entries(seen)]
    return found[-1] if found else ()


def saved_something(trace: Trace) -> bool:
    return finished(trace) and bool(last_entries(trace))


def any_operator(b: Builder) -> None:
    b.observe(drawn_result(b), "graph", "saved")
    b.observe(b.call(b.pick(INPUT_SAVERS), b.leaf(b.shape(0, 2))), "graph", "saved")


@clause(
    "saved.prefixed-attributes",
    "A node shows what it saved as attributes _saved_<name>; an input that wasn't written since is the very object.",
    source=NOTES,
    area=AREA,
    witness=saved_something,
)
def test_attributes(check: Any, programs: Any = generate(any_operator)) -> None:
    check(programs)


def saved_result(b: Builder) -> None:
    y = b.call(b.pick(RESULT_SAVERS), b.leaf())
    b.observe(y, "layout", "saved", "nodes")
    if b.chance(2):
        b.drop(y)


def distinct(trace: Trace) -> bool:
    found = last_entries(trace)
    return finished(trace) and bool(found) and all(place == -1 for _, place, *_ in found)


@clause(
    "saved.output-is-distinct-object",
    "A saved result is another tensor object on the same memory, so that the graph is no cycle.",
    source=NOTES,
    area=AREA,
    witness=distinct,
)
def test_saved_result(check: Any, programs: Any = generate(saved_result)) -> None:
    check(programs)


def pack_all(b: Builder) -> None:
    with b.mode("saved_hooks:facts"):
        if b.chance(4):
            y = b.transform("function", None, [b.leaf()], rule="square")
        else:
            y = drawn_result(b)
    run(b, b.call("mul", y, b.leaf(())) if y.known and y.dtype == b.dtype else b.scalar(b.leaf(())))


@clause(
    "saved.default-hooks-pack-every-save",
    "Under saved_tensors_hooks pack is called for every tensor that an operator or save_for_backward saves.",
    source=HOOKS,
    area=AREA,
    witness=hooked,
)
def test_pack_all(check: Any, programs: Any = generate(pack_all)) -> None:
    check(programs)


def function_packs(b: Builder) -> None:
    shape = b.shape(0, 2)
    x, z = b.leaf(shape), b.leaf(shape)
    with b.mode(b.pick(("saved_hooks:count", "saved_hooks:wrapped", "saved_hooks:mode"))):
        if b.chance(2):
            y = b.transform("function", None, [x, z], rule="product")
        else:
            y = b.transform("function", None, [x], rule="square")
    y.shape, y.dtype = shape, b.dtype
    run(b, y)


@clause(
    "saved.custom-function-packs",
    "What a custom Function gives to save_for_backward passes through the hooks.",
    source=HOOKS,
    area=AREA,
    witness=hooked_and_stored,
)
def test_function_packs(check: Any, programs: Any = generate(function_packs)) -> None:
    check(programs)


def read_often(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode("saved_hooks:count"):
        y = saving(b, x)
    for _ in range(b.integer(1, 3)):
        b.observe(y, "saved")
    for _ in range(b.integer(1, 2)):
        run(b, y, retain_graph=True)


def unpacked_often(trace: Trace) -> bool:
    return finished(trace) and tags(trace).count("unpack") > tags(trace).count("pack") > 0


@clause(
    "saved.unpack-on-access-and-backward",
    "unpack runs each time the saved tensor is read: as an attribute, and in every pass.",
    source=PAIRS,
    area=AREA,
    witness=unpacked_often,
)
def test_read_often(check: Any, programs: Any = generate(read_often)) -> None:
    check(programs)


def packed_once(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode("saved_hooks:count"):
        y = b.call(b.pick(RESULT_SAVERS[:3] + INPUT_SAVERS[:2]), x)
    for _ in range(b.integer(1, 3)):
        run(b, b.smooth(y, depth=1), retain_graph=True)


def one_pack(trace: Trace) -> bool:
    return hooked_and_stored(trace) and tags(trace).count("pack") == 1


@clause(
    "saved.pack-called-once",
    "pack is called once for a saved tensor, when it is saved.",
    source=PAIRS,
    area=AREA,
    witness=one_pack,
)
def test_packed_once(check: Any, programs: Any = generate(packed_once)) -> None:
    check(programs)


def under(mode: str, *, inside: bool = False) -> Any:
    """Programs that record under a pair of hooks, and run the pass outside or inside of their block."""

    def build(b: Builder) -> None:
        x = b.leaf(b.shape(0, 2))
        with b.mode(f"saved_hooks:{mode}"):
            y = saving(b, x)
        root = b.smooth(y, depth=1)
        with b.mode(*([f"saved_hooks:{mode}"] if inside and b.chance(2) else [])):
            run(b, root)
        b.grad_of(x)

    return generate(build)


@clause(
    "saved.pack-may-return-anything",
    "pack may return any object, which unpack is given as it is.",
    source=PAIRS,
    area=AREA,
    witness=hooked_and_stored,
)
def test_wrapped(check: Any, programs: Any = under("wrapped", inside=True)) -> None:
    check(programs)


@clause(
    "saved.unpack-must-return-tensor",
    "An unpack hook that returns something else than a tensor raises TypeError.",
    source="observed",
    area=AREA,
    witness=raises,
)
def test_number(check: Any, programs: Any = under("number")) -> None:
    check(programs)


def detached_and_differentiated(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(b.pick(("saved_hooks:detach", "saved_hooks:wrapped", "saved_hooks:copy"))):
        y = saving(b, x)
        root = b.call("mul", y, x)
    first = b.item(differentiate(b, root, [x], create_graph=True), 0)
    first.requires_grad, first.is_leaf = True, False
    b.observe(first, "flags")
    differentiate(b, b.call("mul", first, x), [x])


@clause(
    "saved.metadata-restored",
    "The history of what unpack returns doesn't count: the saved tensor's own is put back, "
    "so that a packed tensor without history still has second derivatives.",
    source=PAIRS,
    area=AREA,
    profile="higher-order",
)
def test_metadata(check: Any, programs: Any = generate(detached_and_differentiated)) -> None:
    check(programs)


@clause(
    "saved.unpack-value-used",
    "A pass computes with whatever values unpack returns.",
    source=HOOKS,
    area=AREA,
    witness=lambda trace: finished(trace) and bool(trace.gradients),
)
def test_doubled(check: Any, programs: Any = under("double")) -> None:
    check(programs)


def with_history(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    y = b.smooth(x, depth=1)
    with b.mode(*b.pick(((), ("enable_grad",))), "saved_hooks:mode"):
        z = b.call(b.pick(("mul", "div", "sub")), *b.pick(((x, y), (y, x), (y, b.like(x)))))
        z = b.call(b.pick(RESULT_SAVERS[:3] + INPUT_SAVERS[:2]), z)
    run(b, z, create_graph=b.chance(2))


def live_and_off(trace: Trace) -> bool:
    """pack was given a tensor that requires grad, with gradient mode off."""
    return hooked(trace) and any(_is_live(call) for call in trace.hooks)


def _is_live(call: HookCall) -> bool:
    seen, mode = call.grads
    return call.tag == "pack" and isinstance(seen, Observed) and bool(seen.requires_grad) and mode is False


@clause(
    "saved.default-pack-input-live",
    "pack is given the tensor with its history, and runs with gradient mode off.",
    source="notes/autograd#Registering default hooks for saved tensors",
    area=AREA,
    witness=live_and_off,
)
def test_with_history(check: Any, programs: Any = generate(with_history)) -> None:
    check(programs)


@clause(
    "saved.pack-inplace-error",
    "A pack hook that writes its input in place raises RuntimeError.",
    source=PAIRS,
    area=AREA,
    witness=raises,
)
def test_written(check: Any, programs: Any = under("write")) -> None:
    check(programs)


def nested(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    pairs = b.pick((("outer", "count"), ("count", "outer"), ("outer", "identity", "count"), ("double", "count")))
    with b.mode(*(f"saved_hooks:{name}" for name in pairs)):
        y = saving(b, x)
    with b.mode("saved_hooks:outer"):
        z = saving(b, y)
    run(b, z)


@clause(
    "saved.nested-innermost-only",
    "Of nested pairs of hooks only the innermost is used.",
    source=HOOKS,
    area=AREA,
    witness=hooked_and_stored,
)
def test_nested(check: Any, programs: Any = generate(nested)) -> None:
    check(programs)


def hooks_and_threads(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode("saved_hooks:outer", "thread"):
        y = saving(b, x)
    with b.mode("thread", "saved_hooks:count"):
        z = b.call("exp", y)
    with b.mode(*b.pick(((), ("thread",)))):
        run(b, z)


def only_inner(trace: Trace) -> bool:
    return hooked_and_stored(trace) and set(tags(trace)) == {"pack", "unpack"}


@clause(
    "saved.hooks-thread-local",
    "The hooks hold in the thread that set them, not in one that it starts.",
    source="notes/autograd#Registering default hooks for saved tensors",
    area=AREA,
    profile="threads",
    witness=only_inner,
)
def test_threads(check: Any, programs: Any = generate(hooks_and_threads)) -> None:
    check(programs)


@clause(
    "saved.unpack-applies-after-exit",
    "What was packed in the block is unpacked by its hook, also in a pass after the block.",
    source=HOOKS,
    area=AREA,
    witness=hooked_and_stored,
)
def test_after_exit(check: Any, programs: Any = under("count")) -> None:
    check(programs)


def disabled(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode("saved_hooks_disabled"):
        y = saving(b, x)
    run(b, y)
    with b.mode(
        *b.pick((("saved_hooks_disabled", "saved_hooks:count"), ("saved_hooks:count", "saved_hooks_disabled")))
    ):
        b.call("exp", x)
    with b.mode("saved_hooks:count"):
        run(b, saving(b, x))


def refused_once(trace: Trace) -> bool:
    return len([o for o in trace.steps if isinstance(o, Raised)]) == 1 and bool(trace.hooks)


@clause(
    "saved.disable-context",
    "Under disable_saved_tensors_hooks(message) setting hooks raises RuntimeError with that message.",
    source="torch.autograd.graph.disable_saved_tensors_hooks",
    area=AREA,
    witness=refused_once,
)
def test_disabled(check: Any, programs: Any = generate(disabled)) -> None:
    check(programs)
