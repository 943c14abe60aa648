"""Modules without parameters: each calls the function of its name with its options."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Module
from .parameter import Parameter


def _module(
    name: str, function: str, shown: tuple[str, ...] | None = None, named: bool = True, **defaults: Any
) -> type[Module]:
    """A Module class that passes its options to a function of nn.functional."""
    names = tuple(defaults)
    shown = names if shown is None else shown

    def __init__(self: Module, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(names) or kwargs.keys() - set(names):
            raise TypeError(f"{name}.__init__() takes {', '.join(names) or 'no arguments'}, and got {args} {kwargs}")
        Module.__init__(self)
        for option, value in {**defaults, **dict(zip(names, args)), **kwargs}.items():
            setattr(self, option, value)

    def forward(self: Module, input: Any) -> Any:
        return getattr(F, function)(input, **{n: getattr(self, n) for n in names})

    def extra_repr(self: Module) -> str:
        parts = [f"{n}={getattr(self, n)!r}" if named else repr(getattr(self, n)) for n in shown if n != "inplace"]
        return ", ".join(parts + (["inplace=True"] if "inplace" in shown and self.inplace else []))

    members = {"__init__": __init__, "forward": forward, "extra_repr": extra_repr, "__module__": __name__}
    members["__doc__"] = f"nn.functional.{function} as a module. Source: torch.nn.{name}."
    return type(name, (Module,), members)


ReLU = _module("ReLU", "relu", inplace=False)
ReLU6 = _module("ReLU6", "relu6", inplace=False)
ELU = _module("ELU", "elu", alpha=1.0, inplace=False)
CELU = _module("CELU", "celu", alpha=1.0, inplace=False)
SELU = _module("SELU", "selu", inplace=False)
GELU = _module("GELU", "gelu", approximate="none")
SiLU = _module("SiLU", "silu", inplace=False)
Mish = _module("Mish", "mish", inplace=False)
LeakyReLU = _module("LeakyReLU", "leaky_relu", negative_slope=0.01, inplace=False)
Hardtanh = _module("Hardtanh", "hardtanh", min_val=-1.0, max_val=1.0, inplace=False)
Hardsigmoid = _module("Hardsigmoid", "hardsigmoid", (), inplace=False)
Hardswish = _module("Hardswish", "hardswish", (), inplace=False)
Hardshrink = _module("Hardshrink", "hardshrink", lambd=0.5, named=False)
Softshrink = _module("Softshrink", "softshrink", lambd=0.5, named=False)
Softplus = _module("Softplus", "softplus", beta=1.0, threshold=20.0)
Softsign = _module("Softsign", "softsign")
Tanhshrink = _module("Tanhshrink", "tanhshrink")
LogSigmoid = _module("LogSigmoid", "logsigmoid")
Sigmoid = _module("Sigmoid", "sigmoid")
Tanh = _module("Tanh", "tanh")
GLU = _module("GLU", "glu", dim=-1)
Softmax = _module("Softmax", "softmax", dim=None)
LogSoftmax = _module("LogSoftmax", "log_softmax", dim=None)
Softmin = _module("Softmin", "softmin", dim=None)


class Threshold(Module):
    """nn.functional.threshold as a module. Source: torch.nn.Threshold."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Any) -> Any:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class PReLU(Module):
    """A leaky ReLU whose slope is a parameter. Source: torch.nn.PReLU."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        from ..ops.create import full

        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), init, dtype=dtype))

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Flatten(Module):
    """Dimensions start_dim … end_dim as one. Source: torch.nn.Flatten."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class _Dropout(Module):
    function: str

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        return getattr(F, self.function)(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


def _dropout(name: str, function: str) -> type[Module]:
    text = f"nn.functional.{function} in training, the input in evaluation. Source: torch.nn.{name}."
    return type(name, (_Dropout,), {"function": function, "__module__": __name__, "__doc__": text})


Dropout = _dropout("Dropout", "dropout")
Dropout1d = _dropout("Dropout1d", "dropout1d")
Dropout2d = _dropout("Dropout2d", "dropout2d")
Dropout3d = _dropout("Dropout3d", "dropout3d")
AlphaDropout = _dropout("AlphaDropout", "alpha_dropout")
FeatureAlphaDropout = _dropout("FeatureAlphaDropout", "feature_alpha_dropout")

__all__ = [name for name, value in list(globals().items()) if isinstance(value, type) and name[0] != "_"]
