"""Errors, dtype rules and threads: program by program against PyTorch."""

from __future__ import annotations

import threading
from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_out_arguments(torch: Any) -> Any:
    x, out = leaf(torch, 1.0, 2.0), torch.zeros(2)
    return [
        attempt(lambda: torch.add(x, 1, out=out)),
        attempt(lambda: torch.add(torch.ones(2), 1, out=x)),
        attempt(lambda: torch.sin(torch.ones(2), out=out) is out),
        attempt(lambda: torch.mul(x.detach(), x.detach(), out=out)),
        attempt(lambda: torch.exp(x, out=out)),
        attempt(lambda: torch.add(torch.ones(3), 1, out=out)),
        out._version,
        attempt(lambda: torch.add(torch.ones(3), 1.5, out=torch.zeros(3, dtype=torch.int64))),
        attempt(lambda: torch.add(torch.ones(3), 1.5, out=torch.zeros(3, dtype=torch.float64))),
        attempt(lambda: torch.max(torch.ones(2, 2), 0, out=(torch.zeros(0), torch.zeros(0, dtype=torch.int64)))),
        attempt(lambda: torch.reshape(x, (2, 1), out=out))[:2],
        attempt(lambda: torch.add(x, 1, out=None)),
        attempt(lambda: torch.cat([x, x], out=out)),
    ]


@agree
def test_resize_and_set(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = torch.ones(4)
    found = [
        attempt(lambda: x.resize_(3)),
        attempt(lambda: (x * 2).resize_(3)),
        attempt(lambda: y.resize_(2, 2)),
        y._version,
    ]
    with torch.no_grad():
        found += [attempt(lambda: x.resize_(1))]
    return found


@agree
def test_bool_and_len(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    return [
        attempt(lambda: bool(x)),
        attempt(lambda: bool(x > 0)),
        attempt(lambda: bool(torch.ones(0))),
        attempt(lambda: bool(x.sum())),
        attempt(lambda: len(x.sum())),
        attempt(lambda: 1 if x.sum() > 0 else 0),
    ]


@agree
def test_not_differentiable(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found = [
        (x > 1).requires_grad,
        (x == x).grad_fn,
        x.argmax().requires_grad,
        x.isnan().requires_grad,
        x.sign().requires_grad,
    ]
    found += [attempt(lambda: (x // 2).requires_grad), attempt(lambda: (x // 2).sum().backward())]
    found += [torch.ones_like(x).requires_grad, torch.zeros_like(x).requires_grad, x.to(torch.int64).requires_grad]
    found += [x.to(torch.bool).grad_fn, x.long().grad_fn, x.int().is_leaf]
    return found


@agree
def test_dtypes(torch: Any) -> Any:
    x = leaf(torch, 1.5, 2.5)
    y = x.double()
    z = y.half().float()
    (z * 2).sum().backward()
    found = [y.grad_fn, x.grad, torch.ones(2, dtype=torch.float16, requires_grad=True).grad]
    h = torch.ones(2, dtype=torch.float16, requires_grad=True)
    (h * x).sum().backward()
    b = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    (b * 3).sum().backward()
    found += [h.grad, b.grad, x.grad]
    c = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    r = c.to(torch.float32)
    r.sum().backward()
    found += [r, c.grad]
    x.grad = None
    (x * c).sum().abs().backward()
    found += [x.grad]
    x.grad = None
    x.sum(dtype=torch.float64).backward()
    found += [x.grad, x.sum(dtype=torch.float64).grad_fn]
    d = torch.ones((), dtype=torch.float64, requires_grad=True)
    (d * x).sum().backward()
    found += [d.grad, (d * x).dtype]
    return found


@agree
def test_threads(torch: Any) -> Any:
    x = torch.ones(3, requires_grad=True)
    seen: list[Any] = []

    def work(k: int) -> None:
        for _ in range(20):
            (x * k).sum().backward()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    y = leaf(torch, 1.0)
    out = y * y
    y.register_hook(lambda g: seen.append(threading.get_ident() == here[0]))
    here: list[int] = []

    def elsewhere() -> None:
        here.append(threading.get_ident())
        out.backward()

    t = threading.Thread(target=elsewhere)
    t.start()
    t.join()
    return x.grad, y.grad, seen, attempt(out.backward)


@agree
def test_saved_hooks_belong_to_a_thread(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    log: list[str] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: log.append("pack") or t, lambda p: p):
        t = threading.Thread(target=lambda: x.sin())
        t.start()
        t.join()
        inside = list(log)
        x.sin()
    return inside, log


@agree
def test_settings_for_other_machines(torch: Any) -> Any:
    graph = torch.autograd.graph
    return [
        attempt(lambda: graph.region_activation_memory_budget(0.5)),
        attempt(lambda: graph.region_activation_memory_budget(2.0)),
        attempt(lambda: graph.region_activation_memory_budget("a")),
        attempt(lambda: graph.set_warn_on_accumulate_grad_stream_mismatch(3)),
        attempt(lambda: graph.set_warn_on_accumulate_grad_stream_mismatch(True)),
        attempt(lambda: graph.set_override_stale_capture_stream(3)),
    ]
