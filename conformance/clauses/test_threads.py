"""Clauses of ``threads``: graphs and passes in several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..drawing.build import Builder
from ..programs.trace import HookCall, Trace
from ..promises.clause import clause, generate, scenario
from .draws import numbers
from .hooking import CHANGING, differentiate, hooked, path, run
from .seeing import attempt

AREA = "multithreading"
NOTES = "notes/autograd#Multithreaded Autograd"
PASSES = 20


def together(jobs: list[Callable[[], Any]]) -> list[Any]:
    """What each job came to, all of them started at once, each in a thread of its own."""
    gate = threading.Barrier(len(jobs))
    results: list[Any] = [None] * len(jobs)

    def body(k: int) -> None:
        gate.wait()
        results[k] = attempt(jobs[k])

    threads = [threading.Thread(target=body, args=(k,)) for k in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def draw_jobs(b: Builder) -> Any:
    return numbers(b), [b.integer(1, 4) for _ in range(b.integer(2, 4))]


def own_graphs(torch: Any, drawn: Any) -> Any:
    data, factors = drawn

    def job(factor: int) -> Any:
        x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
        log: list[Any] = []
        y = x
        for k in range(PASSES):
            y = y * 0.5 + x * factor
            if k == PASSES // 2:
                y.register_hook(lambda g: log.append(g.tolist()))
        for _ in range(PASSES):
            y.sum().backward(retain_graph=True)
        return x.grad.tolist(), len(log), log[0], log[-1] == log[0]

    found = together([lambda f=factor: job(f) for factor in factors])
    alone = [job(factor) for factor in factors]
    return found, [list(map(repr, one)) == list(map(repr, two)) for one, two in zip(found, alone)]


@clause(
    "threads.concurrent-independent-backward",
    "Threads that build and differentiate graphs of their own don't disturb each other.",
    source=NOTES,
    area=AREA,
    profile="threads",
)
def test_own_graphs(check: Any, drawn: Any = scenario(own_graphs, draw_jobs)) -> None:
    check(drawn)


def shared_leaf(torch: Any, drawn: Any) -> Any:
    data, factors = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)

    def job(factor: int) -> Any:
        found = [torch.autograd.grad((x * x * factor).sum(), x)[0].tolist() for _ in range(PASSES)]
        return found[0], all(one == found[0] for one in found)

    return together([lambda f=factor: job(f) for factor in factors]), x.grad


@clause(
    "threads.grad-safe-on-shared-leaf",
    "grad may be called at the same time on graphs that share leaves; the results are those of one thread.",
    source=f"{NOTES} Non-determinism",
    area=AREA,
    profile="threads",
)
def test_shared_leaf(check: Any, drawn: Any = scenario(shared_leaf, draw_jobs)) -> None:
    check(drawn)


def two_passes(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    root = b.smooth(b.call(b.pick(("exp", "tanh", "sin")), x), depth=1)
    keep = b.pick((False, False, True))
    with b.mode("thread"):
        run(b, root, retain_graph=keep)
    with b.mode(*b.pick((("thread",), ()))):
        run(b, root)
    b.grad_of(x)


def second_failed(trace: Trace) -> bool:
    return any("second time" in error.message for _, error in trace.raised())


@clause(
    "threads.shared-graph-needs-retain",
    "Of two threads that differentiate one graph without retain_graph the later one gets the second-time error.",
    source=f"{NOTES} Graph retaining",
    area=AREA,
    profile="threads",
    witness=second_failed,
)
def test_two_passes(check: Any, programs: Any = generate(two_passes)) -> None:
    check(programs)


def where_hooks_run(b: Builder) -> None:
    x, y, root = path(b)
    for target, kind in ((y, "tensor"), (x, "post_accumulate"), (root, "node_post"), (x, "tensor")):
        if not b.chance(3):
            b.hook(target, "thread", kind)
    b.hook(root, "thread")
    with b.mode(*b.pick(((), ("thread",), ("no_grad", "thread"), ("thread", "no_grad")))):
        if b.chance(3):
            differentiate(b, root, [x])
        else:
            run(b, root)


def on_calling_thread(trace: Trace) -> bool:
    return hooked(trace) and all(_is_here(call) for call in trace.hooks)


def _is_here(call: HookCall) -> bool:
    return call.grads[-1] is True


@clause(
    "threads.cpu-backward-on-calling-thread",
    "On the CPU a pass and its hooks run on the thread that called it.",
    source=f"{NOTES} Thread Safety",
    area=AREA,
    profile="threads",
    witness=on_calling_thread,
)
def test_where_hooks_run(check: Any, programs: Any = generate(where_hooks_run)) -> None:
    check(programs)


def crossing(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode("thread"):
        y = b.smooth(x)
        b.hook(y, b.pick(("record", *CHANGING)))
    with b.mode(*b.pick(((), ("thread",)))):
        z = b.smooth(y, depth=1)
    with b.mode(*b.pick(((), ("thread",)))):
        run(b, z)
        b.grad_of(x)


@clause(
    "threads.graph-crosses-threads",
    "A graph that one thread built can be extended and differentiated by another.",
    source=NOTES,
    area=AREA,
    profile="threads",
    witness=lambda trace: hooked(trace) and bool(trace.gradients),
)
def test_crossing(check: Any, programs: Any = generate(crossing)) -> None:
    check(programs)


def switch(torch: Any, drawn: Any) -> Any:
    data, settings = drawn
    mode = torch.autograd.set_multithreading_enabled
    asked = torch.autograd.is_multithreading_enabled if hasattr(torch.autograd, "is_multithreading_enabled") else None
    seen = []
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)

    def a_pass() -> Any:
        y = x * 2
        y.register_hook(lambda g: seen.append(threading.get_ident() == me))
        (y * y).sum().backward()
        return asked and asked()

    me = threading.get_ident()
    try:
        for form, setting in settings:
            if form == "block":
                with mode(setting):
                    seen.append(a_pass())
            else:
                mode(setting)
            seen.append(a_pass())
    finally:
        mode(True)
    return seen, x.grad.tolist(), asked and asked()


def draw_switch(b: Builder) -> Any:
    return numbers(b), [(b.pick(("block", "call")), bool(b.choose(2))) for _ in range(b.integer(1, 3))]


@clause(
    "threads.multithreading-switch",
    "set_multithreading_enabled(False), a context manager or a call, keeps passes on the calling thread.",
    source="torch.autograd.grad_mode.set_multithreading_enabled",
    area=AREA,
    profile="threads",
)
def test_switch(check: Any, drawn: Any = scenario(switch, draw_switch)) -> None:
    check(drawn)


def one_accumulator(torch: Any, drawn: Any) -> Any:
    data, factors = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    hold = x * 1  # keeps the leaf's one node alive, whose lock this is about

    def job(factor: int) -> Any:
        for _ in range(PASSES):
            (x * factor).sum().backward()
        return "done"

    results = together([lambda f=factor: job(f) for factor in factors])
    return results, x.grad.tolist(), [g * PASSES * sum(factors) for g in torch.ones_like(hold).tolist()]


@clause(
    "threads.accumulate-same-leaf-locked",
    "Passes that add to one leaf's .grad at the same time lose nothing: the leaf's node is locked.",
    source=f"{NOTES} Thread Safety on Autograd Node",
    area=AREA,
    profile="threads",
)
def test_one_accumulator(check: Any, drawn: Any = scenario(one_accumulator, draw_jobs)) -> None:
    check(drawn)
