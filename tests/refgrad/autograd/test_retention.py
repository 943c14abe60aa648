"""What a backward frees and what it keeps, program by program against PyTorch."""

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_which_graphs_run_twice(torch: Any) -> Any:
    x, c = leaf(torch, 1.0, 2.0), torch.ones(2)
    made = {
        "linear": lambda: (x + c).sum(),
        "scaled": lambda: (x * 2).sum(),
        "number sum": lambda: (x + 2).sum(),
        "product with a constant": lambda: (x * c).sum(),
        "square": lambda: (x * x).sum(),
        "pow": lambda: (x**2).sum(),
        "pow zero": lambda: (x**0).sum(),
        "exp": lambda: x.exp().sum(),
        "view": lambda: x.view(2, 1).expand(2, 3).transpose(0, 1).sum(),
        "negative": lambda: (-x).sum(),
        "clone": lambda: x.clone().sum(),
        "quotient": lambda: (x / 2).sum(),
        "quotient by a constant": lambda: (x / c).sum(),
        "strided": lambda: x.as_strided((2,), (0,)).sum(),
        "cast": lambda: x.double().sum(),
        "difference": lambda: (3 - x).sum(),
    }
    found = {}
    for name, make in made.items():
        out = make()
        out.backward()
        found[name] = attempt(out.backward)
    return found, x.grad


@agree
def test_shared_and_unused_branches(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    mid = x * x
    a, b = (mid * 2).sum(), (mid * y).sum()
    a.backward()
    found = [attempt(b.backward)]
    mid = x * x
    other = y * y
    out = (mid * other).sum()
    torch.autograd.grad(out, x)
    found += [attempt(lambda: torch.autograd.grad(other.sum(), y)), attempt(lambda: torch.autograd.grad(mid.sum(), x))]
    return found


@agree
def test_saved_access_after_free(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    node = y.grad_fn
    before = node._saved_self is x
    y.sum().backward()
    return before, attempt(lambda: node._saved_self), attempt(lambda: node._saved_other)


@agree
def test_false_with_create_graph(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = (x * x * x).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True, retain_graph=False)
    return attempt(lambda: torch.autograd.grad(y, x)), attempt(lambda: torch.autograd.grad(g.sum(), x))


@agree
def test_error_frees_what_ran(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    a = x * x
    b = a * a

    def fail(g: Any) -> None:
        raise ValueError("stop")

    handle = a.register_hook(fail)
    first = attempt(lambda: b.sum().backward())
    handle.remove()
    return first, attempt(lambda: b.sum().backward()), attempt(lambda: a.sum().backward()), x.grad
