"""Anomaly mode, program by program against PyTorch."""

from __future__ import annotations

import threading
from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


def headlines(found: list[Any]) -> list[str]:
    return [str(w.message).splitlines()[0] for w in found]


def caught(function: Any) -> Any:
    import warnings

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = attempt(function)
    return result, headlines(found), [("x.sqrt()" in str(w.message), "test_anomaly" in str(w.message)) for w in found]


@agree
def test_nan(torch: Any) -> Any:
    x = leaf(torch, 0.0, 1.0)

    def run(check: bool) -> Any:
        with torch.autograd.detect_anomaly(check):
            y = x.sqrt() * 0
            y.sum().backward()
        return x.grad

    silent = (x.sqrt() * 0).sum()
    silent.backward()
    return x.grad, caught(lambda: run(True)), caught(lambda: run(False)), torch.is_anomaly_enabled()


@agree
def test_forms(torch: Any) -> Any:
    found = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
        with torch.autograd.set_detect_anomaly(False):
            found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
        found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
        t = threading.Thread(target=lambda: found.append(torch.is_anomaly_enabled()))
        t.start()
        t.join()
    found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.autograd.set_detect_anomaly(True)
    found += [torch.is_anomaly_enabled()]
    torch.autograd.set_detect_anomaly(False)
    return found, torch.is_anomaly_enabled()


@agree
def test_traceback(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)

    def fails() -> Any:
        y = x.exp()
        z = y * 2
        with torch.no_grad():
            y.add_(1)
        z.sum().backward()

    found = [caught(fails)]
    with torch.autograd.set_detect_anomaly(True):
        found += [
            caught(fails),
            sorted((x * 2).grad_fn.metadata),
            (x.view(2, 1)).grad_fn.metadata.keys() >= {"traceback_"},
        ]
        late = x.exp()
    with torch.no_grad():
        late.add_(1)
    found += [caught(lambda: late.sum().backward()), (x * 2).grad_fn.metadata]
    outside = x.exp()
    with torch.no_grad():
        outside.add_(1)

    def inside() -> Any:
        with torch.autograd.set_detect_anomaly(True):
            outside.sum().backward()

    found += [caught(inside)]
    return found


@agree
def test_double_backward_trace(torch: Any) -> Any:
    x = leaf(torch, 0.0)

    def run() -> Any:
        with torch.autograd.set_detect_anomaly(True):
            y = x.sqrt() * x
            (g,) = torch.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
            return g

    return caught(run)


@agree
def test_error_in_a_function(torch: Any) -> Any:
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise ValueError("broken")

    x = leaf(torch, 1.0)

    def run() -> Any:
        with torch.autograd.set_detect_anomaly(True):
            Fails.apply(x).sum().backward()

    return caught(run), caught(lambda: Fails.apply(x).sum().backward())
