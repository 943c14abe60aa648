"""Clauses of ``anomaly``: NaN found in a pass, the traceback of the forward call, and the mode itself."""

from __future__ import annotations

import warnings
from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Observed, Raised, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .draws import numbers
from .hooking import run
from .seeing import attempt
from .test_modes import modes_seen

AREA = "anomaly"
DETECT = "torch.autograd.detect_anomaly"
SET = "torch.autograd.set_detect_anomaly"
MODE = "detect_anomaly"
BARE = "detect_anomaly:False"


def undefined(b: Builder, x: Value) -> Value:
    """A result whose gradient by x is 0 · ∞ wherever x is 0."""
    zero = b.call("mul", x, 0)
    y = b.call(b.pick(("sqrt", "log", "rsqrt", "reciprocal")), zero)
    if b.chance(3):
        y = b.call("mul", y, b.like(y))
    return y


def forward_and_backward(b: Builder, forward: tuple[str, ...], backward: tuple[str, ...]) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(*forward):
        y = undefined(b, x)
    with b.mode(*backward):
        run(b, y)
    b.grad_of(x)


def found_nan(trace: Trace) -> bool:
    return any("returned nan" in error.message for _, error in trace.raised())


def under_detection(b: Builder) -> None:
    forward_and_backward(b, b.pick(((MODE,), (), (BARE,))), b.pick(((MODE,), (MODE,), (BARE, MODE), (MODE, "thread"))))


@clause(
    "anomaly.nan-raises",
    "Under detect_anomaly a node that gives a NaN makes the pass raise RuntimeError, which names the node.",
    source=DETECT,
    area=AREA,
    witness=found_nan,
)
def test_nan(check: Any, programs: Any = generate(under_detection)) -> None:
    check(programs)


def nan_stored(trace: Trace) -> bool:
    stored = [g for g in trace.gradients.values() if isinstance(g, Observed)]
    return finished(trace) and any((g.array != g.array).any() for g in stored)


def without_check(b: Builder) -> None:
    forward_and_backward(b, b.pick(((BARE,), (), (MODE,))), b.pick(((BARE,), (MODE, BARE))))


@clause(
    "anomaly.check-nan-false",
    "With check_nan=False NaN gradients pass.",
    source=SET,
    area=AREA,
    witness=nan_stored,
)
def test_without_check(check: Any, programs: Any = generate(without_check)) -> None:
    check(programs)


def undetected(b: Builder) -> None:
    forward_and_backward(b, b.pick(((), (MODE,))), ())


@clause(
    "anomaly.off-by-default-nan-silent",
    "Without anomaly mode NaN gradients are stored without a word.",
    source=DETECT,
    area=AREA,
    witness=nan_stored,
)
def test_undetected(check: Any, programs: Any = generate(undetected)) -> None:
    check(programs)


def failing_loss(torch: Any, data: list[float], cause: str) -> Any:
    """A loss whose pass fails: by a NaN, by a hook, by a saved value that was written."""
    x = torch.tensor([v * 0 for v in data], requires_grad=True)
    if cause == "nan":
        return (torch.sqrt(x) * 0).sum()
    y = torch.exp(x)
    if cause == "hook":
        y.register_hook(lambda g: 1 / 0)
    else:
        y.mul_(2)
    return y.sum()


def traced_forward(torch: Any, drawn: Any) -> Any:
    data, (cause, recorded) = drawn
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        with torch.autograd.set_detect_anomaly(recorded):
            loss = failing_loss(torch, data, cause)
        with torch.autograd.set_detect_anomaly(True):
            error = attempt(loss.backward)
    texts = [str(w.message) for w in given if "forward" in str(w.message)]
    heads = [text.splitlines()[0][:90] for text in texts]
    return error, heads, ["in failing_loss" in text for text in texts], [w.category.__name__ for w in given]


def draw_failure(b: Builder) -> Any:
    return numbers(b), (b.pick(("nan", "written", "nan")), not b.chance(3))


@clause(
    "anomaly.forward-traceback-warning",
    "An error in a pass under anomaly mode is preceded by a UserWarning with the traceback of the forward call, "
    "or with the news that there is none.",
    source=DETECT,
    area=AREA,
)
def test_traced_forward(check: Any, drawn: Any = scenario(traced_forward, draw_failure)) -> None:
    check(drawn)


def entering(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    for _ in range(b.integer(1, 3)):
        with b.mode(*b.pick(((MODE,), (BARE,), (), (MODE, "no_grad"), (BARE, MODE)))):
            b.observe(b.smooth(x, depth=1), "modes", "flags")


def warned_of_cost(trace: Trace) -> bool:
    return finished(trace) and any("Anomaly Detection has been enabled" in text for _, text in trace.warnings)


@clause(
    "anomaly.enter-warns",
    "Entering detect_anomaly warns that it is slow.",
    source="observed",
    area=AREA,
    witness=warned_of_cost,
)
def test_entering(check: Any, programs: Any = generate(entering)) -> None:
    check(programs)


def set_by_function(torch: Any, drawn: Any) -> Any:
    data, settings = drawn

    def now() -> Any:
        return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()

    seen = [now()]
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            for form, on, check_nan in settings:
                if form == "block":
                    with torch.autograd.set_detect_anomaly(on, check_nan):
                        seen.append(now())
                        seen.append(attempt(failing_loss(torch, data, "nan").backward))
                else:
                    torch.autograd.set_detect_anomaly(on, check_nan=check_nan)
                seen.append(now())
        finally:
            torch.autograd.set_detect_anomaly(False)
    return seen, now(), [str(w.message)[:40] for w in given]


def draw_settings(b: Builder) -> Any:
    drawn = [(b.pick(("block", "call")), bool(b.choose(2)), bool(b.choose(2))) for _ in range(b.integer(1, 4))]
    return numbers(b), drawn


@clause(
    "anomaly.function-form",
    "set_detect_anomaly sets the mode at once when it is called, and as a context manager until the block ends.",
    source=SET,
    area=AREA,
)
def test_function_form(check: Any, drawn: Any = scenario(set_by_function, draw_settings)) -> None:
    check(drawn)


def in_threads(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(MODE, "thread"):
        b.observe(x, "modes")
        y = undefined(b, x)
    with b.mode(*b.pick((("thread", MODE), (MODE, "thread"), ("thread",)))):
        b.observe(x, "modes")
        run(b, y)
    b.observe(x, "modes")


def on_in_thread(trace: Trace) -> bool:
    return bool(modes_seen(trace)) and modes_seen(trace)[0][2] is True


@clause(
    "anomaly.global-not-thread-local",
    "Anomaly mode holds for the process: a thread started under it is under it too.",
    source="observed",
    area=AREA,
    profile="threads",
    witness=on_in_thread,
)
def test_in_threads(check: Any, programs: Any = generate(in_threads)) -> None:
    check(programs)


def kept_traceback(torch: Any, drawn: Any) -> Any:
    data, (op, on, live) = drawn
    x = torch.tensor([v * v + 1 for v in data], requires_grad=True)

    def forward_call() -> Any:
        return getattr(torch, op)(x)

    with torch.autograd.set_detect_anomaly(on):
        y = forward_call()
        nodes = [y.grad_fn]
        if live:
            (g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
            nodes.append(g.grad_fn)
    z = y * 2
    seen = []
    for node in (*nodes, z.grad_fn):
        lines = node.metadata.get("traceback_")
        text = None if lines is None else "".join(lines)
        found = None if text is None else ("kept_traceback" in text, "forward_call" in text)
        seen.append((type(lines).__name__, found, sorted(node.metadata)))
    return seen


def draw_traceback(b: Builder) -> Any:
    return numbers(b), (b.pick(("sin", "exp", "sqrt")), not b.chance(3), bool(b.choose(2)))


@clause(
    "anomaly.metadata-traceback",
    "A node made under anomaly mode keeps the traceback of its forward call in its metadata, under 'traceback_'.",
    source="observed",
    area=AREA,
)
def test_kept_traceback(check: Any, drawn: Any = scenario(kept_traceback, draw_traceback)) -> None:
    check(drawn)


def written_after_saved(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(*b.pick(((), (MODE,)))):
        y = b.call(b.pick(("exp", "tanh", "sigmoid")), x)
    b.call(b.pick(("mul", "add")), y, b.like(y), form="inplace")
    with b.mode(*([] if b.chance(6) else [MODE])):
        run(b, b.smooth(y, depth=1))


def hinted(trace: Trace) -> bool:
    errors = [o for o in trace.steps if isinstance(o, Raised)]
    return raises(trace) and "Hint: the backtrace further above" in errors[0].message


@clause(
    "anomaly.inplace-hint",
    "The error for a saved value that was written hints at anomaly mode, and under it at the traceback above.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=hinted,
)
def test_hint(check: Any, programs: Any = generate(written_after_saved)) -> None:
    check(programs)
