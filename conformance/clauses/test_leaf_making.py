"""Clauses of ``leaf``: detach, data, clone, copies, and leaving for Python and NumPy."""

from __future__ import annotations

import copy
from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .seeing import attempt, facts, numbers, warned

AREA = "leaf-and-requires-grad"


def seen_last(trace: Trace, count: int) -> list[Any]:
    return trace.steps[-count:]


def detached(b: Builder) -> None:
    x = b.leaf()
    y = b.smooth(x)
    cut = b.call("detach", b.pick((x, y)), form="method")
    b.observe(cut, "flags", "graph")
    b.backward(b.call("sum", b.call("mul", y, b.smooth(cut, depth=1))))
    b.grad_of(x)


def cut_off(trace: Trace) -> bool:
    flags = [s.requires_grad for s in trace.steps if isinstance(s, Observed) and s.is_leaf]
    return flags[:1] == [False]


@clause(
    "leaf.detach-new-tensor-no-grad",
    "detach() gives a tensor without grad_fn that doesn't require grad: no gradient flows through it.",
    source="torch.Tensor.detach",
    area=AREA,
    witness=cut_off,
)
def test_detached(check: Any, programs: Any = generate(detached)) -> None:
    check(programs)


def write_through(b: Builder) -> None:
    y = b.call("clone", b.leaf(b.shape(1, 3)))
    cut = b.call("detach", y, form="method")
    target = b.pick((cut, y))
    b.call(b.pick(("mul", "add", "sub")), target, b.pick((2, 3, -1)), form="inplace")
    b.observe(y, "value", "version", "layout")
    b.observe(cut, "value", "version", "layout")


def same_memory(trace: Trace) -> bool:
    y, cut = seen_last(trace, 2)
    return finished(trace) and y.alias == cut.alias and y.version == 1


@clause(
    "leaf.detach-shares-storage",
    "A detached tensor has its source's memory: a write to either shows in both.",
    source="torch.Tensor.detach",
    area=AREA,
    profile="mutation",
    witness=same_memory,
)
def test_write_through(check: Any, programs: Any = generate(write_through)) -> None:
    check(programs)


def stale(b: Builder) -> None:
    x = b.leaf(b.shape(1, 3))
    saved = b.call(b.pick(("exp", "tanh", "sigmoid")), x)
    cut = b.call("detach", saved, form="method")
    b.call("mul", cut, 2, form="inplace")
    b.observe(saved, "value", "version")
    b.backward(b.call("sum", saved))


@clause(
    "leaf.detach-shares-version",
    "A write to a detached alias bumps the shared version counter, so that backward finds the saved value stale.",
    source="torch.Tensor.detach",
    area=AREA,
    profile="mutation",
    witness=raises,
)
def test_stale(check: Any, programs: Any = generate(stale)) -> None:
    check(programs)


def write_data(torch: Any, drawn: Any) -> Any:
    data, name, factor = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    y = getattr(x, name)()
    alias = y.data
    alias.mul_(factor)
    versions = [y._version, alias._version, y.data._version]
    y.sum().backward()
    return versions, facts(alias)[2:], [[round(v, 9) for v in t.tolist()] for t in (y.detach(), x.grad)]


def draw_write(b: Builder) -> Any:
    return numbers(b), b.pick(("exp", "tanh", "sigmoid", "sqrt")), b.pick((2, 0, -1))


@clause(
    "leaf.data-does-not-share-version",
    ".data is an alias with a version counter of its own: a write through it goes unnoticed by backward.",
    source="observed",
    area=AREA,
    profile="mutation",
)
def test_write_data(check: Any, drawn: Any = scenario(write_data, draw_write)) -> None:
    check(drawn)


def detached_in_place(b: Builder) -> None:
    x = b.leaf(())
    y = b.smooth(x)
    before = b.smooth(y, depth=1)
    b.flag(y, "detach_")
    b.observe(y, "flags", "graph", "version")
    after = b.smooth(y, x)
    if b.chance(2):
        b.call("mul", y, 2, form="inplace")
    # Where an operation before had saved it, or one after saved what is then written, this raises.
    b.backward(b.call("sum", b.call("mul", before, after)))
    b.grad_of(x)


@clause(
    "leaf.detach_-makes-leaf",
    "detach_() makes the tensor itself a leaf without grad_fn; what was computed from it before keeps its graph, "
    "unless that had saved it.",
    source="torch.Tensor.detach_",
    area=AREA,
    witness=cut_off,
)
def test_detached_in_place(check: Any, programs: Any = generate(detached_in_place)) -> None:
    check(programs)


def detach_view(b: Builder) -> None:
    x = b.leaf(b.pick(((2, 3), (1, 2), (3, 1))))
    base = b.call("clone", x)
    kind = b.pick(("transpose", "view", "expand", "permute"))
    args: dict[str, Any] = {"transpose": (0, 1), "view": ((-1,),), "permute": ((1, 0),), "expand": ((2, *base.shape),)}
    view = b.call(kind, base, *args[kind], form="method")
    b.flag(view, "detach_")
    b.observe(view, "flags")


@clause(
    "leaf.detach_-view-error",
    "detach_() on a view raises RuntimeError.",
    source="torch.Tensor.detach_",
    area=AREA,
    profile="mutation",
    witness=raises,
)
def test_detach_view(check: Any, programs: Any = generate(detach_view)) -> None:
    check(programs)


def copied(torch: Any, drawn: Any) -> Any:
    data, inner, options = drawn
    x = torch.tensor(data, requires_grad=True)
    source = x * 2 if inner else x
    made, given = warned(lambda: torch.tensor(source, **options))
    with torch.no_grad():
        made.add_(1)
    return facts(made), given, facts(source)


def draw_copied(b: Builder) -> Any:
    return numbers(b), b.chance(2), b.pick(({}, {"requires_grad": True}))


@clause(
    "leaf.torch-tensor-copies-as-leaf",
    "torch.tensor(t) copies t without its history, and warns that detach().clone() says so more plainly.",
    source="torch.tensor",
    area=AREA,
)
def test_copied(check: Any, drawn: Any = scenario(copied, draw_copied)) -> None:
    check(drawn)


def kept_history(torch: Any, drawn: Any) -> Any:
    data, inner, dtype = drawn
    x = torch.tensor(data, requires_grad=True)
    source = x * 2 if inner else x
    options = {} if dtype is None else {"dtype": getattr(torch, dtype)}
    made = torch.as_tensor(source, **options)
    made.sum().backward()
    return made is source, facts(made), facts(x.grad)


def draw_kept(b: Builder) -> Any:
    return numbers(b), b.chance(2), b.pick((None, "float64", "float32", "float16"))


@clause(
    "leaf.as-tensor-preserves-history",
    "torch.as_tensor of a tensor copies only where it must and keeps the history, also through a dtype change.",
    source="torch.as_tensor",
    area=AREA,
)
def test_kept_history(check: Any, drawn: Any = scenario(kept_history, draw_kept)) -> None:
    check(drawn)


def as_array(torch: Any, drawn: Any) -> Any:
    data, inner, options = drawn
    x = torch.tensor(data, requires_grad=True)
    source = x * 2 if inner else x
    return attempt(lambda: facts(torch.asarray(source, **options)))


def draw_as_array(b: Builder) -> Any:
    options = b.pick(({}, {"requires_grad": False}, {"requires_grad": True}, {"copy": True}))
    return numbers(b), b.chance(2), options


@clause(
    "leaf.asarray-requires-grad-arg",
    "torch.asarray keeps the graph where requires_grad isn't given; requires_grad=False gives a detached tensor.",
    source="torch.asarray",
    area=AREA,
)
def test_as_array(check: Any, drawn: Any = scenario(as_array, draw_as_array)) -> None:
    check(drawn)


def cloned(b: Builder) -> None:
    x = b.leaf()
    y = b.call("clone", b.pick((x, b.smooth(x, depth=1))), form=b.pick(("function", "method")))
    b.backward(y, gradient=b.like(y))


@clause(
    "leaf.clone-differentiable",
    "clone() is recorded, and passes gradients straight through.",
    source="torch.clone",
    area=AREA,
    profile="reverse",
    witness=lambda trace: finished(trace) and len(trace.gradients) == 1,
)
def test_cloned(check: Any, programs: Any = generate(cloned)) -> None:
    check(programs)


def deep_copied(torch: Any, drawn: Any) -> Any:
    data, inner, flag, ran = drawn
    x = torch.tensor(data, requires_grad=flag)
    if flag and ran:
        (x * x).sum().backward()
    twin = attempt(lambda: copy.deepcopy(x * 2 if inner else x))
    if isinstance(twin, list):
        return twin
    with torch.no_grad():
        twin.add_(1)
    return facts(twin), facts(twin.grad), facts(x), twin.grad is not None and twin.grad is not x.grad


def draw_deep(b: Builder) -> Any:
    return numbers(b), b.chance(2), not b.chance(3), b.chance(2)


@clause(
    "leaf.deepcopy-leaf-only",
    "copy.deepcopy copies a leaf with its flag and .grad, and refuses a recorded result.",
    source="observed",
    area=AREA,
)
def test_deep_copied(check: Any, drawn: Any = scenario(deep_copied, draw_deep)) -> None:
    check(drawn)


def to_numpy(torch: Any, drawn: Any) -> Any:
    data, which = drawn
    x = torch.tensor(data, requires_grad=True)
    target = {"leaf": x, "result": x * 2, "detached": x.detach(), "constant": torch.tensor(data)}[which]
    return attempt(lambda: target.numpy().tolist())


@clause(
    "leaf.numpy-refused",
    "numpy() of a tensor that requires grad raises RuntimeError; of a detached one it doesn't.",
    source="observed",
    area=AREA,
)
def test_to_numpy(
    check: Any,
    drawn: Any = scenario(to_numpy, lambda b: (numbers(b), b.pick(("leaf", "result", "detached", "constant")))),
) -> None:
    check(drawn)


def to_python(torch: Any, drawn: Any) -> Any:
    data, dtype = drawn
    x = torch.tensor(data, dtype=getattr(torch, dtype), requires_grad=True)
    y = x * 2
    return x.tolist(), y.tolist(), attempt(lambda: y.item()), y.sum().item(), x[0].item(), y[:1].tolist()


@clause(
    "leaf.item-allowed",
    "item() and tolist() give Python numbers of tensors that require grad, too.",
    source="observed",
    area=AREA,
)
def test_to_python(
    check: Any,
    drawn: Any = scenario(to_python, lambda b: (numbers(b), b.pick(("float32", "float64", "bfloat16")))),
) -> None:
    check(drawn)


def variables(torch: Any, drawn: Any) -> Any:
    data, options = drawn
    made = torch.autograd.Variable(torch.tensor(data), **options)
    if made.requires_grad:
        (made * made).sum().backward()
    return type(made).__name__, isinstance(made, torch.Tensor), facts(made), facts(made.grad)


@clause(
    "leaf.variable-returns-tensor",
    "The old Variable constructor still works, and gives an ordinary tensor.",
    source="autograd#Variable (deprecated)",
    area=AREA,
)
def test_variables(
    check: Any,
    drawn: Any = scenario(
        variables, lambda b: (numbers(b), b.pick(({}, {"requires_grad": True}, {"requires_grad": False})))
    ),
) -> None:
    check(drawn)


def swap_data(torch: Any, drawn: Any) -> Any:
    data, other, flag, tracked = drawn
    x = torch.tensor(data, requires_grad=flag)
    before = x._version
    x.data = torch.tensor(other, requires_grad=tracked)
    if flag:
        (x * x).sum().backward()
    return facts(x), x._version - before, facts(x.grad), list(x.shape)


@clause(
    "leaf.data-assignment-keeps-leaf",
    "Assigning .data swaps a leaf's contents, of any shape; requires_grad and being a leaf stay.",
    source="observed",
    area=AREA,
    profile="mutation",
)
def test_swap_data(
    check: Any,
    drawn: Any = scenario(swap_data, lambda b: (numbers(b), numbers(b), not b.chance(3), b.chance(2))),
) -> None:
    check(drawn)
