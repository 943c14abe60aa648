"""How long things live, depth, threads: without PyTorch."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import refgrad as torch

LENGTH = 1500


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        ctx.save_for_backward(x, y)
        ctx.kept = [1, 2, 3]
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2


def with_hooks(y: Any) -> Any:
    y = y.sin()
    y.register_hook(lambda g: g)
    y.grad_fn.register_hook(lambda gi, go: None)
    y.grad_fn.register_prehook(lambda go: None)
    y.retain_grad()
    return y


def with_views(y: Any) -> Any:
    y = y.view(2, 2).view(4) * 1
    y.view(2, 2).mul_(2)
    return y


def with_metadata(y: Any) -> Any:
    y = y.exp() * 1e-3
    y.grad_fn.metadata["key"] = [0] * 10
    return y


def with_post_accumulate(y: Any) -> Any:
    w = torch.ones(4, requires_grad=True)
    w.register_post_accumulate_grad_hook(lambda t: None)
    return y * w


STEPS: dict[str, Callable[[Any], Any]] = {
    "hooks": with_hooks,
    "Function": Doubled.apply,
    "views and writes": with_views,
    "metadata": with_metadata,
    "leaf hooks": with_post_accumulate,
    "in place": lambda y: (y * 1).mul_(2),
}


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def built(step: Callable[[Any], Any], length: int) -> Any:
    y = torch.ones(4, requires_grad=True)
    for _ in range(length):
        y = step(y)
    return y


@pytest.mark.parametrize("run", [False, True], ids=["dropped", "run"])
@pytest.mark.parametrize("name", STEPS)
def test_graph_is_freed_without_the_collector(name: str, run: bool, no_collector: None) -> None:
    """Reference counting alone returns a graph's memory, whether or not a backward ran."""
    tracemalloc.start()
    try:
        built(STEPS[name], LENGTH)  # fills the interpreter's own free lists
        before = tracemalloc.get_traced_memory()[0]
        y = built(STEPS[name], LENGTH)
        held = tracemalloc.get_traced_memory()[0] - before
        if run:
            y.sum().backward()
        del y
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held > 200 * LENGTH
    assert left < held / 50


def test_saved_tensor_hooks_leave_no_cycle(no_collector: None) -> None:
    """A packed output that the hooks copied does not keep its own node alive."""
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach(), lambda p: p):
        y = built(lambda y: y.exp().sin(), 50)
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


@pytest.mark.parametrize("keep", [False, True], ids=["freed", "retained"])
def test_intermediates_go_with_backward(keep: bool, no_collector: None) -> None:
    """After backward without retain_graph the saved intermediates are gone while the root still lives."""
    x = torch.ones(4, requires_grad=True)
    mid = x.exp()
    alive = weakref.ref(mid)
    out = (mid * mid).sum()
    del mid
    out.backward(retain_graph=keep)
    assert (alive() is not None) == keep


def test_failed_backward_leaves_no_cycle(no_collector: None) -> None:
    x = torch.ones(4, requires_grad=True)
    y = Doubled.apply(x)
    node = weakref.ref(y.grad_fn)
    y.register_hook(lambda g: torch.ones(9))
    with pytest.raises(RuntimeError, match="has changed the size"):
        y.sum().backward()
    del y
    assert node() is None


def test_anomaly_mode_leaves_no_cycle(no_collector: None) -> None:
    with torch.autograd.set_detect_anomaly(True):
        y = built(lambda y: y.sin(), 20)
        y.sum().backward()
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_a_chain_of_a_hundred_thousand_runs_and_is_freed() -> None:
    """Nothing recurses: neither backward, nor freeing, run or not."""
    x = torch.ones(1, requires_grad=True)
    for run in (False, True):
        y = x
        for _ in range(100_000):
            y = y * 1.0
        if run:
            y.backward()
        del y
    assert x.grad is not None and x.grad.item() == 1


def test_functions_nest_a_thousand_deep() -> None:
    y = built(Doubled.apply, 5000)
    y.mul(0).sum().backward()


def test_threads_add_into_one_leaf() -> None:
    """Concurrent backwards lose no contribution."""
    x = torch.zeros(64, requires_grad=True)
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        for _ in range(100):
            (x * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert x.grad is not None and x.grad.tolist() == [600.0] * 64


def test_one_graph_from_many_threads() -> None:
    """With retain_graph all succeed; without it exactly one does, and the others say why."""
    x = torch.ones(8, requires_grad=True)
    out = (x * x).exp().sum()
    found: list[str] = []

    def work(keep: bool) -> None:
        try:
            torch.autograd.grad(out, x, retain_graph=keep)
            found.append("done")
        except RuntimeError as error:
            found.append("second" if "second time" in str(error) else str(error))

    for keep, expected in ((True, ["done"] * 8), (False, ["done"] + ["second"] * 7)):
        found.clear()
        threads = [threading.Thread(target=work, args=(keep,)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(found) == expected


def test_modes_belong_to_their_thread() -> None:
    seen: list[tuple[bool, bool, int]] = []

    def look() -> None:
        packs: list[Any] = []
        torch.ones(1, requires_grad=True).sin()
        seen.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled(), len(packs)))

    with torch.no_grad(), torch.inference_mode():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [(True, False, 0)]
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
