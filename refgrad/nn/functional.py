"""refgrad.nn.functional: what is published under torch.nn.functional's names."""

from __future__ import annotations

from typing import Any

from .._op import PUBLIC

_PREFIX = "nn.functional."
# PyTorch's nn.functional shows these functions of `torch` under its own name too.
_SHARED = (
    "tanh", "sigmoid", "relu", "relu_", "celu", "celu_", "selu", "selu_", "rrelu", "rrelu_", "threshold_", "prelu",
    "softmax", "log_softmax",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    found = PUBLIC.get(_PREFIX + name)
    if found is None and name in _SHARED:
        found = PUBLIC.get(name)
    if found is None:
        raise AttributeError(f"refgrad.nn.functional has no {name!r}")
    return found


def __dir__() -> list[str]:
    return sorted(name.removeprefix(_PREFIX) for name in PUBLIC if name.startswith(_PREFIX))
