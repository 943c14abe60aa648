"""Gradient modes, program by program against PyTorch."""

from __future__ import annotations

import threading
from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_no_grad(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    with torch.no_grad():
        y = x * 2
        f = torch.ones(2, requires_grad=True)
        x.mul_(3)
        v = x.view(2, 1)
        inner = torch.is_grad_enabled()
    found = [
        y,
        y.grad_fn,
        f.requires_grad,
        v.requires_grad,
        v.grad_fn,
        v.is_leaf,
        v._is_view(),
        x,
        x.is_leaf,
        x._version,
        inner,
    ]
    z = (y * x).sum()
    z.backward()
    found += [x.grad]
    out = (x * x).sum()
    with torch.no_grad():
        x.add_(1)
    found += [attempt(out.backward)]
    return found


@agree
def test_nesting_and_exceptions(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found = []
    with torch.no_grad():
        with torch.enable_grad():
            y = x * x
            found.append(torch.is_grad_enabled())
        found.append(torch.is_grad_enabled())
        try:
            with torch.enable_grad():
                raise ValueError
        except ValueError:
            pass
        found.append(torch.is_grad_enabled())
    found.append(torch.is_grad_enabled())
    y.sum().backward()
    return found, x.grad


@agree
def test_decorators(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found = []
    for mode in (torch.no_grad, torch.enable_grad, torch.inference_mode):

        @mode
        def plain(a: Any) -> Any:
            return (a * 2).requires_grad, torch.is_grad_enabled(), torch.is_inference_mode_enabled()

        @mode()
        def called(a: Any) -> Any:
            return (a * 2).requires_grad, torch.is_grad_enabled(), torch.is_inference_mode_enabled()

        with torch.no_grad():
            found.append((plain(x), called(x), plain.__name__))
        found.append((plain(x), called(x)))

    @torch.set_grad_enabled(False)
    def off(a: Any) -> Any:
        return (a * 2).requires_grad

    @torch.inference_mode(False)
    def normal(a: Any) -> Any:
        return (a * 2).requires_grad

    with torch.inference_mode():
        found.append(normal(x))
    return found, off(x), torch.is_grad_enabled()


@agree
def test_generators(torch: Any) -> Any:
    log: list[Any] = []

    @torch.no_grad()
    def numbers() -> Any:
        log.append(torch.is_grad_enabled())
        try:
            got = yield 1
            log.append((got, torch.is_grad_enabled()))
            yield 2
        except KeyError:
            log.append(("caught", torch.is_grad_enabled()))
            yield 3
        finally:
            log.append(("end", torch.is_grad_enabled()))

    g = numbers()
    found = [next(g), torch.is_grad_enabled(), g.send("sent"), torch.is_grad_enabled(), g.throw(KeyError())]
    g.close()
    return found, log


@agree
def test_decorated_class(torch: Any) -> Any:
    @torch.no_grad()
    class Thing:
        def __init__(self) -> None:
            self.seen = torch.is_grad_enabled()

        def later(self) -> bool:
            return torch.is_grad_enabled()

    made = Thing()
    return made.seen, made.later()


@agree
def test_set_grad_enabled(torch: Any) -> Any:
    found = []
    with torch.set_grad_enabled(False):
        found.append(torch.is_grad_enabled())
        with torch.set_grad_enabled(True):
            found.append(torch.is_grad_enabled())
        found.append(torch.is_grad_enabled())
    found.append(torch.is_grad_enabled())
    torch.set_grad_enabled(False)
    found.append(torch.is_grad_enabled())
    torch.set_grad_enabled(True)
    found.append(torch.is_grad_enabled())
    return found, attempt(lambda: torch.set_grad_enabled(mode=True)) is not None


@agree
def test_threads_start_fresh(torch: Any) -> Any:
    found: list[Any] = []
    with torch.inference_mode():
        t = threading.Thread(target=lambda: found.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled())))
        t.start()
        t.join()
    with torch.no_grad():
        t = threading.Thread(target=lambda: found.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled())))
        t.start()
        t.join()
    return found


@agree
def test_inference_tensors(torch: Any) -> Any:
    x, w = leaf(torch, 1.0, 2.0), torch.ones(2)
    with torch.inference_mode():
        y = x * 2
        v = x.view(2, 1)
        n = w.view(2, 1)
        fresh = torch.ones(2)
        flagged = torch.ones(2, requires_grad=True)
        yv = y.view(2, 1)
        inner = (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), y.is_inference(), fresh.is_inference())
        with torch.inference_mode(False):
            z = x * 2
            again = (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
        with torch.enable_grad():
            e = x * 2
        y.add_(1)
        w.add_(1)
    found = [inner, again, y, z, e.requires_grad, e.is_inference(), v.is_inference(), v.requires_grad, n.is_inference()]
    found += [flagged.requires_grad, flagged.is_inference(), yv.is_inference(), w._version, yv._is_view(), n._is_view()]
    found += [attempt(lambda: y._version), attempt(lambda: y * x), attempt(lambda: (y + x).requires_grad)]
    found += [attempt(lambda: y.add_(1)), attempt(lambda: y.requires_grad_()), attempt(lambda: y.requires_grad_(False))]
    found += [attempt(lambda: (y.clone() * x).requires_grad), attempt(lambda: y.clone().is_inference())]
    found += [attempt(lambda: (y * 2).is_inference()), attempt(lambda: y.view(2, 1).is_inference())]
    found += [
        attempt(lambda: y.detach().is_inference()),
        attempt(lambda: x.mul(y)),
        attempt(lambda: y.view(2, 1).add_(1)),
    ]
    with torch.no_grad():
        found += [attempt(lambda: y.add_(1)), attempt(lambda: x.add_(y)), attempt(lambda: (x * y).is_inference())]
    found += [attempt(lambda: n.add_(1)), attempt(lambda: v.add_(1)), attempt(lambda: n.add_(x.view(2, 1)))]
    found += [attempt(lambda: x.clone().add_(y)), attempt(lambda: x.clone().mul_(y))]
    return found


@agree
def test_inference_writes_inside(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    with torch.inference_mode():
        found = [attempt(lambda: x.add_(1)), attempt(lambda: y.add_(1)), y._version, x._version]
        f = torch.ones(2)
        f.add_(x)
        found += [f, attempt(lambda: f.requires_grad_()), f.requires_grad, attempt(lambda: f._version)]
        found += [attempt(lambda: torch.autograd.grad(f, f, torch.ones(2)))]
    found += [y.grad_fn, attempt(lambda: y.sum().backward())]
    return found, x.grad


@agree
def test_backward_in_modes(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    seen: list[Any] = []
    x.register_hook(lambda g: seen.append(torch.is_grad_enabled()))
    (x * 2).sum().backward()
    with torch.no_grad():
        torch.autograd.grad((x * 2).sum(), x, allow_unused=True) if False else None
    y = (x * x).sum()
    with torch.no_grad():
        torch.autograd.grad(y, x, create_graph=True)
        seen.append(torch.is_grad_enabled())
    y.backward()
    seen.append(torch.is_grad_enabled())
    with torch.inference_mode():
        z = attempt(lambda: (x * 2).sum().backward())
    w = (x * x).sum()
    with torch.inference_mode():
        inside = attempt(w.backward)
    return seen, z, inside, x.grad


@agree
def test_mode_objects(torch: Any) -> Any:
    mode = torch.no_grad()
    found = []
    for _ in range(2):
        with mode as entered:
            found.append((torch.is_grad_enabled(), entered))
    with torch.set_grad_enabled(False) as s, torch.enable_grad() as e, torch.inference_mode() as i:
        found.append((s, e, i))
    found.append(torch.autograd.no_grad is torch.no_grad)
    found.append(torch.autograd.grad_mode.no_grad is torch.no_grad)
    found.append(torch.autograd.grad_mode.inference_mode is torch.inference_mode)
    with torch.autograd.set_multithreading_enabled(False):
        found.append("multithreading")
    return found
