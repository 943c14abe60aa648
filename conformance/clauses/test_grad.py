"""Clauses of ``autograd.grad``: what it returns, for which inputs and outputs, and what it refuses."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Nothing, Observed, Trace
from ..promises.clause import clause, finished, generate, raises

AREA = "grad-api"
SOURCE = "torch.autograd.grad"


def results(trace: Trace) -> tuple[Any, ...]:
    """What the last Grad step gave, or nothing."""
    tuples = [step for step in trace.steps if isinstance(step, tuple)]
    return tuples[-1] if tuples else ()


def got_tensors(trace: Trace) -> bool:
    return finished(trace) and bool(results(trace)) and all(isinstance(r, Observed) for r in results(trace))


def several_inputs(b: Builder) -> None:
    leaves = [b.leaf(()) for _ in range(b.integer(1, 4))]
    root = b.smooth(*leaves)
    order = [leaves.pop(b.choose(len(leaves))) for _ in range(b.integer(1, len(leaves)))]
    b.grad([root], order, [b.like(root)])


@clause(
    "grad.returns-tuple",
    "grad returns a tuple with one gradient for each input, in their order.",
    source=SOURCE,
    area=AREA,
    profile="reverse",
    witness=got_tensors,
)
def test_several_inputs(check: Any, programs: Any = generate(several_inputs)) -> None:
    check(programs)


def attributes_untouched(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    if b.chance(2):
        b.backward(b.scalar(x))
    inner = b.smooth(x, y)
    if b.chance(2):
        b.retain_grad(inner)
    b.grad([b.scalar(inner)], [x, y])
    b.observe(x, "flags", "grad")
    b.observe(y, "flags", "grad")


@clause(
    "grad.does-not-touch-dot-grad",
    "grad leaves every .grad as it was.",
    source=SOURCE,
    area=AREA,
    witness=got_tensors,
)
def test_attributes_untouched(check: Any, programs: Any = generate(attributes_untouched)) -> None:
    check(programs)


def inner_inputs(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf()
    inner = b.smooth(x)
    middle = b.smooth(inner, y)
    root = b.smooth(middle, inner)
    wanted = b.pick(([inner], [inner, x], [x, middle], [middle, inner, y, x]))
    b.grad([root], wanted, [b.like(root)])


@clause(
    "grad.nonleaf-inputs",
    "Gradients may be asked of recorded results as well as of leaves, in one call.",
    source=SOURCE,
    area=AREA,
    witness=got_tensors,
)
def test_inner_inputs(check: Any, programs: Any = generate(inner_inputs)) -> None:
    check(programs)


def repeated_inputs(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    root = b.smooth(x, y)
    b.grad([root], b.pick(([x, x], [x, y, x], [y, y, y, x])), [b.like(root)])


@clause(
    "grad.duplicate-inputs",
    "An input that is listed twice gets its whole gradient twice.",
    source="observed",
    area=AREA,
    witness=got_tensors,
)
def test_repeated_inputs(check: Any, programs: Any = generate(repeated_inputs)) -> None:
    check(programs)


def output_as_input(b: Builder) -> None:
    x = b.leaf()
    root = b.pick((x, b.smooth(x)))
    b.grad([root], b.pick(([root], [root, x], [x, root])), [b.like(root)])


@clause(
    "grad.input-is-output",
    "The gradient of a tensor with respect to itself is the cotangent given.",
    source="observed",
    area=AREA,
    witness=got_tensors,
)
def test_output_as_input(check: Any, programs: Any = generate(output_as_input)) -> None:
    check(programs)


def several_outputs(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    outputs = [b.smooth(*b.pick(((x, y), (y, x)))) for _ in range(b.integer(2, 4))]
    b.grad(outputs, [x, y], [b.like(v) for v in outputs])


@clause(
    "grad.outputs-sum",
    "With several outputs the result is the sum of their vector-Jacobian products.",
    source=SOURCE,
    area=AREA,
    profile="reverse",
    witness=got_tensors,
)
def test_several_outputs(check: Any, programs: Any = generate(several_outputs)) -> None:
    check(programs)


def unused(b: Builder, **options: Any) -> None:
    used = [b.leaf() for _ in range(b.integer(1, 2))]
    inputs: list[Value] = [*used]
    for _ in range(b.integer(1, 2)):
        stranger = b.leaf()
        inputs.insert(b.choose(len(inputs) + 1), b.pick((stranger, b.smooth(stranger))))
    outputs = [b.scalar(x) for x in used]
    b.grad(outputs, inputs, [b.like(v) for v in outputs], **options)


@clause(
    "grad.unused-input-error",
    "An input that no output depends on raises RuntimeError, with the input's index.",
    source=SOURCE,
    area=AREA,
    witness=raises,
)
def test_unused(check: Any, programs: Any = generate(unused)) -> None:
    check(programs)


def allowed(b: Builder) -> None:
    unused(b, allow_unused=True)


def some_none(trace: Trace) -> bool:
    return any(isinstance(r, Nothing) for r in results(trace))


@clause(
    "grad.allow-unused-none",
    "With allow_unused=True the entry of an unused input is None.",
    source=SOURCE,
    area=AREA,
    witness=some_none,
)
def test_allowed(check: Any, programs: Any = generate(allowed)) -> None:
    check(programs)


def materialized(b: Builder) -> None:
    unused(b, materialize_grads=True, allow_unused=b.pick((None, True)))


@clause(
    "grad.materialize-grads-zero",
    "materialize_grads=True gives zeros of the input's shape for unused inputs, and implies allow_unused.",
    source=SOURCE,
    area=AREA,
    witness=got_tensors,
)
def test_materialized(check: Any, programs: Any = generate(materialized)) -> None:
    check(programs)


def contradiction(b: Builder) -> None:
    unused(b, materialize_grads=True, allow_unused=False)


@clause(
    "grad.materialize-conflict",
    "materialize_grads=True with allow_unused=False raises ValueError.",
    source=SOURCE,
    area=AREA,
    witness=raises,
)
def test_contradiction(check: Any, programs: Any = generate(contradiction)) -> None:
    check(programs)


def flags_of_zeros(b: Builder) -> None:
    x, stranger = b.leaf(()), b.leaf()
    create = b.chance(2)
    got = b.grad([b.scalar(x)], [stranger, x], materialize_grads=True, create_graph=create)
    b.observe(b.item(got, 0), "flags", "graph")


def read_flags(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, Observed) and not last.array.any()


@clause(
    "grad.materialize-result-no-graph",
    "Zeros that were materialized require grad only where create_graph was asked for.",
    source="observed",
    area=AREA,
    profile="higher-order",
    witness=read_flags,
)
def test_flags_of_zeros(check: Any, programs: Any = generate(flags_of_zeros)) -> None:
    check(programs)


def constant_input(b: Builder) -> None:
    x, c = b.leaf(()), b.leaf((), requires_grad=False)
    frozen = b.pick((c, b.smooth(c), b.call("detach", x, form="method")))
    root = b.scalar(x, frozen)
    b.grad([root], b.pick(([frozen], [x, frozen], [frozen, x])), allow_unused=b.pick((None, True, False)))


@clause(
    "grad.input-not-requiring-error",
    "An input that doesn't require grad raises RuntimeError, with or without allow_unused.",
    source="observed",
    area=AREA,
    witness=raises,
)
def test_constant_input(check: Any, programs: Any = generate(constant_input)) -> None:
    check(programs)


def nothing_asked(b: Builder) -> None:
    root = b.scalar(b.leaf())
    b.grad([root], [], [b.like(root)], allow_unused=b.pick((None, True)))


@clause(
    "grad.empty-inputs-error",
    "An empty list of inputs raises.",
    source="observed",
    area=AREA,
    witness=raises,
)
def test_nothing_asked(check: Any, programs: Any = generate(nothing_asked)) -> None:
    check(programs)


def constant_output(b: Builder) -> list[Value]:
    x, c = b.leaf(()), b.leaf((), requires_grad=False)
    outputs = [b.scalar(x) for _ in range(b.integer(0, 2))]
    outputs.insert(b.choose(len(outputs) + 1), b.scalar(c))
    given = b.pick((None, [b.pick((None, b.like(v))) for v in outputs]))
    b.grad(outputs, [x], given)
    return outputs


@clause(
    "grad.output-without-grad-error",
    "An output that doesn't require grad raises RuntimeError, with the output's index.",
    source="observed",
    area=AREA,
    witness=raises,
)
def test_constant_output(check: Any, programs: Any = generate(constant_output)) -> None:
    check(programs)


def constant_with_none(b: Builder) -> None:
    x, c = b.leaf(()), b.leaf((), requires_grad=False)
    outputs = b.pick(([b.scalar(x), b.scalar(c)], [b.scalar(c), b.scalar(x)]))
    b.grad(outputs, [x], [b.like(v) if v.requires_grad else None for v in outputs])


@clause(
    "grad.output-without-grad-none-accepted",
    "Drift: the documentation accepts None for an output that doesn't require grad; PyTorch 2.13 refuses the output.",
    source=SOURCE,
    area=AREA,
    witness=raises,
)
def test_constant_with_none(check: Any, programs: Any = generate(constant_with_none)) -> None:
    check(programs)


def many_elements(b: Builder) -> None:
    x = b.leaf(b.pick(((2,), (3,), (2, 2), (0,))))
    outputs = [b.scalar(x), b.smooth(x)]
    given = b.pick((None, [None, None], [b.like(outputs[0]), None]))
    b.grad(outputs, [x], given)


@clause(
    "grad.grad-outputs-required-nonscalar",
    "An output of several elements needs an entry of grad_outputs: RuntimeError.",
    source=SOURCE,
    area=AREA,
    witness=raises,
)
def test_many_elements(check: Any, programs: Any = generate(many_elements)) -> None:
    check(programs)


def one_by_default(b: Builder) -> None:
    x = b.leaf()
    outputs = [b.scalar(x), b.smooth(x), b.scalar(x)]
    given = [None, b.like(outputs[1]), b.pick((None, b.like(outputs[2])))]
    b.grad(outputs, [x], given)


@clause(
    "grad.grad-outputs-none-scalar",
    "A None among grad_outputs is taken as one for an output of a single element.",
    source=SOURCE,
    area=AREA,
    witness=got_tensors,
)
def test_one_by_default(check: Any, programs: Any = generate(one_by_default)) -> None:
    check(programs)


def pruned(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    left, right = b.smooth(x), b.smooth(y)
    b.hook(left, tag="left")
    b.hook(right, tag="right")
    b.hook(right, kind="node_post", tag="right node")
    b.grad([b.scalar(left, right)], [b.pick((x, y))])


def one_side(trace: Trace) -> bool:
    return got_tensors(trace) and len({call.tag.split()[0] for call in trace.hooks}) == 1


@clause(
    "grad.prunes-unneeded-nodes",
    "grad runs only the nodes that lead to the inputs asked for.",
    source="notes/autograd#Whether a particular hook will be fired",
    area=AREA,
    profile="hooks",
    witness=one_side,
)
def test_pruned(check: Any, programs: Any = generate(pruned)) -> None:
    check(programs)


def hooked_input(b: Builder) -> None:
    x = b.leaf()
    inner = b.smooth(x)
    asked = b.pick((x, inner))
    b.hook(asked, b.pick(("double", "negate", "record", "zero")), tag="asked")
    b.grad([b.scalar(inner)], [asked])


@clause(
    "grad.tensor-hooks-run-on-captured",
    "Tensor hooks of an input run before its gradient is taken: grad returns what they gave.",
    source="notes/autograd#Whether a particular hook will be fired",
    area=AREA,
    profile="hooks",
    witness=lambda trace: got_tensors(trace) and len(trace.hooks) == 1,
)
def test_hooked_input(check: Any, programs: Any = generate(hooked_input)) -> None:
    check(programs)
