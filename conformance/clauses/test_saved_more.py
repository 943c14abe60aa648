"""Clauses of ``saved``: what isn't saved, what unpack may return, and hooks on one saved tensor."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, scenario
from .draws import numbers
from .hooking import hooked_and_stored, run
from .seeing import attempt

AREA = "saved-tensors"
HOOKS = "torch.autograd.graph.saved_tensors_hooks"
ONE = "notes/autograd#Registering hooks for a saved tensor"


def got_gradient(trace: Trace) -> bool:
    return finished(trace) and bool(trace.gradients)


def on_cpu(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode("save_on_cpu"):
        y = b.smooth(x, depth=1)
        root = b.call(b.pick(("exp", "tanh", "sin")), y)
    b.observe(root, "saved")
    run(b, root)


@clause(
    "saved.save-on-cpu-noop-on-cpu",
    "save_on_cpu changes nothing in the results of a graph on the CPU.",
    source="torch.autograd.graph.save_on_cpu",
    area=AREA,
    witness=got_gradient,
)
def test_on_cpu(check: Any, programs: Any = generate(on_cpu)) -> None:
    check(programs)


def with_constant(b: Builder) -> None:
    shape = b.shape()
    x, c = b.leaf(shape), b.leaf(shape, requires_grad=False)
    b.observe(b.call("mul", *b.pick(((x, c), (c, x)))), "graph", "saved")
    for _ in range(b.integer(1, 3)):
        args = b.pick(((x, c), (c, x), (x, x), (x, b.leaf(shape)), (c, c)))
        y = b.call(b.pick(("mul", "mul", "div", "atan2")), *args)
        if y.requires_grad:
            b.observe(y, "graph", "saved")


def one_saved(trace: Trace) -> bool:
    """A node of two inputs saved one tensor only."""
    found = [seen.more["saved"] for seen in trace.steps if isinstance(seen, Observed) and seen.more]
    return finished(trace) and any(len(saved) == 1 for saved in found if isinstance(saved, tuple))


@clause(
    "saved.only-needed-tensors-saved",
    "A product saves an operand only where the other one requires grad.",
    source="observed",
    area=AREA,
    witness=one_saved,
)
def test_only_needed(check: Any, programs: Any = generate(with_constant)) -> None:
    check(programs)


def not_recorded(b: Builder) -> None:
    x, c = b.leaf(b.shape(0, 2)), b.leaf(b.shape(0, 2), requires_grad=False)
    with b.mode(*b.pick((("no_grad", "saved_hooks:count"), ("saved_hooks:count", "set_grad_enabled:False")))):
        b.smooth(x)
    with b.mode("saved_hooks:count"):
        b.smooth(c)
        b.call("exp", b.call("detach", x))
    with b.mode(b.pick(("saved_hooks:identity", "saved_hooks:raise_pack"))):
        b.call("sin", c)
    run(b, b.call("exp", x))


@clause(
    "saved.no-save-under-no-grad",
    "Nothing is saved, and no hook runs, for what isn't recorded: under no_grad, or on constants.",
    source=HOOKS,
    area=AREA,
    witness=lambda trace: got_gradient(trace) and not trace.hooks,
)
def test_not_recorded(check: Any, programs: Any = generate(not_recorded)) -> None:
    check(programs)


def written_after_copy(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    y = b.call("mul", x, b.like(x))
    with b.mode("saved_hooks:copy"):
        z = b.call(b.pick(("sin", "square", "exp")), y)
    for _ in range(b.integer(1, 2)):
        b.call(b.pick(("mul", "add")), b.pick((y, z)), b.like(y), form="inplace")
    run(b, z)


@clause(
    "saved.unpack-version-check-skipped",
    "Where pack made a copy, a later write of the saved tensor is no error: the copy is used.",
    source="observed",
    area=AREA,
    witness=got_gradient,
)
def test_copied(check: Any, programs: Any = generate(written_after_copy)) -> None:
    check(programs)


def reshaped(b: Builder) -> None:
    x = b.leaf((b.integer(2, 3),))
    mode = b.pick(("unsqueeze", "unsqueeze", "grow"))
    with b.mode(f"saved_hooks:{mode}"):
        y = b.call("mul", x, b.like(x))
    run(b, y)
    b.grad_of(x)


@clause(
    "saved.unpack-shape-unchecked",
    "Nobody checks the shape of what unpack returns: a wrong one fails, if at all, in the derivative's formula.",
    source="observed",
    area=AREA,
    witness=got_gradient,
)
def test_reshaped(check: Any, programs: Any = generate(reshaped)) -> None:
    check(programs)


def documented_example(b: Builder) -> None:
    shape = b.shape(0, 2)
    x, z = b.leaf(shape), b.leaf(shape)
    with b.mode("saved_hooks:count"):
        y = b.call(b.pick(("mul", "mul", "div", "atan2")), x, z)
    if b.chance(2):
        b.observe(y, "saved")
    run(b, y)


@clause(
    "saved.docstring-example-output",
    "In the docstring's example a is packed before b, and unpack is shown tensors that require grad; seen is that "
    "names are packed in alphabetical order, and what unpack is given (drift).",
    source=HOOKS,
    area=AREA,
    witness=hooked_and_stored,
)
def test_example(check: Any, programs: Any = generate(documented_example)) -> None:
    check(programs)


SAVERS = (("sin", "self"), ("exp", "result"), ("tanh", "result"), ("log", "self"), ("sigmoid", "result"))


def raw_saved(torch: Any, data: list[float], saver: tuple[str, str]) -> tuple[Any, Any, Any]:
    """A leaf, a result, and the handle of what the result's node saved."""
    x = torch.tensor([v * v + 1 for v in data], dtype=torch.float64, requires_grad=True)
    y = getattr(torch, saver[0])(x * 1 if len(data) % 2 else x)
    return x, y, getattr(y.grad_fn, f"_raw_saved_{saver[1]}")


def hooks_on_one(torch: Any, drawn: Any) -> Any:
    data, (saver, factor) = drawn
    x, y, raw = raw_saved(torch, data, saver)
    seen: list[Any] = []

    def pack(t: Any) -> Any:
        seen.append(("pack", t.requires_grad, t.grad_fn is None, torch.is_grad_enabled(), t is x))
        return (t.detach() * 0 + factor,)

    def unpack(packed: Any) -> Any:
        seen.append(("unpack", packed[0].tolist()))
        return packed[0]

    raw.register_hooks(pack, unpack)
    at_once = list(seen)
    read = getattr(y.grad_fn, f"_saved_{saver[1]}")
    y.sum().backward()
    return at_once, seen, read.tolist(), read.requires_grad, [round(v, 9) for v in x.grad.tolist()], type(raw).__name__


def draw_saver(b: Builder) -> Any:
    return numbers(b), (b.pick(SAVERS), b.integer(1, 3))


@clause(
    "saved.register-hooks-on-saved-tensor",
    "register_hooks of a node's _raw_saved_<name> calls pack at once, with a tensor without history; "
    "unpack gives the value from then on.",
    source=ONE,
    area=AREA,
)
def test_hooks_on_one(check: Any, drawn: Any = scenario(hooks_on_one, draw_saver)) -> None:
    check(drawn)


def hooks_twice(torch: Any, drawn: Any) -> Any:
    data, (saver, under) = drawn
    pairs: list[Any] = []

    def same(t: Any) -> Any:
        pairs.append(1)
        return t

    if under:
        with torch.autograd.graph.saved_tensors_hooks(same, same):
            x, y, raw = raw_saved(torch, data, saver)
    else:
        x, y, raw = raw_saved(torch, data, saver)
        raw.register_hooks(same, same)
    refused = attempt(lambda: raw.register_hooks(same, same))
    y.sum().backward()
    return refused, len(pairs), x.grad is not None


def draw_saver_and_flag(b: Builder) -> Any:
    return numbers(b), (b.pick(SAVERS), bool(b.choose(2)))


@clause(
    "saved.register-hooks-twice-error",
    "A second register_hooks on a saved tensor, or one where default hooks were set, raises RuntimeError.",
    source="observed",
    area=AREA,
)
def test_hooks_twice(check: Any, drawn: Any = scenario(hooks_twice, draw_saver_and_flag)) -> None:
    check(drawn)


def hooks_after_free(torch: Any, drawn: Any) -> Any:
    data, (saver, keep) = drawn
    x, y, raw = raw_saved(torch, data, saver)
    y.sum().backward(retain_graph=keep)
    # The node is held by y: without it PyTorch 2.13 crashes here.
    return attempt(lambda: raw.register_hooks(lambda t: t, lambda t: t)), x.grad.shape


@clause(
    "saved.register-hooks-after-free-error",
    "register_hooks raises RuntimeError once a pass has freed the saved tensor.",
    source=ONE,
    area=AREA,
)
def test_hooks_after_free(check: Any, drawn: Any = scenario(hooks_after_free, draw_saver_and_flag)) -> None:
    check(drawn)
