"""What gradcheck says."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import plain

NO_INPUT = "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
SINGLE = (
    "Input #{} requires gradient and is not a double precision floating point or complex. This check will likely fail if "
    "all the inputs are not of double precision floating point or complex. "
)
OVERLAP = (
    "The {}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be able to "
    "compute the numerical gradients correctly. You should call .contiguous on the input before passing it to gradcheck."
)
NOT_REENTRANT = (
    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different "
    "values, although analytical gradient matches numerical gradient.The tolerance for nondeterminism was {}.\n"
    "\nNOTE: If your op relies on non-deterministic operations i.e., it is listed here:\n"
    "https://pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html\n"
    "this failure might be expected.\n"
    "\nIf you are adding a new operator, please file an issue and then use one of the\n"
    "workarounds. The workaround depends on how your test invokes gradcheck/gradgradcheck.\n"
    "If the test\n"
    "- manually invokes gradcheck/gradgradcheck, then call gradcheck/gradgradcheck\n"
    "  with `nondet_tol=<tol>` as a keyword argument.\n"
    "- is OpInfo-based (e.g., in test_ops_gradients.py), then modify the OpInfo for the test\n"
    "  to have `gradcheck_nondet_tol=<tol>`.\n"
    "- is a Module test (e.g., in common_nn.py), then modify the corresponding\n"
    "  module_test entry to have `gradcheck_nondet_tol=<tol>`\n"
)
UNDEFINED = (
    "Expected all input grads to be undefined or zero when all output grads are undefined or zero. Please look at "
    '"Notes about undefined output gradients" in "tools/autograd/derivatives.yaml"'
)
BATCHED = (
    "gradcheck failed while testing batched gradient computation: a batch of seeds gives other gradients than each."
)


def _shown(value: Any) -> Any:
    return plain(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value


def mismatch(what: str, output: int, place: int, expected: Any, found: Any, how: str = "") -> str:
    """Two Jacobians (or projections of them) that differ; `what`: which part of a complex output."""
    head = f"While considering the {what} part of complex outputs only, " if what else ""
    return (
        f"{head}Jacobian {how}mismatch for output {output} with respect to input {place},\n"
        f"numerical:{_shown(expected)}\nanalytical:{_shown(found)}\n"
    )


def slow(expected: np.ndarray, found: np.ndarray) -> str:
    """What fast mode adds: the whole Jacobians."""
    return (
        "\nThe above quantities relating the numerical and analytical jacobians are computed \n"
        "in fast mode. See: https://github.com/pytorch/pytorch/issues/53876 for more background \n"
        "about fast mode. Below, we recompute numerical and analytical jacobians in slow mode:\n\n"
        f"Numerical:\n {_shown(expected)}\nAnalytical:\n{_shown(found)}\n\n"
        f"The max per-element difference (slow mode) is: {np.abs(expected - found).max(initial=0)}.\n"
    )
