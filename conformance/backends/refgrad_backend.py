"""refgrad."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module

from ..programs.program import Program
from .torchlike import SEMANTICS, Torchlike


class Refgrad(Torchlike):
    """refgrad, whose noisy runs disturb every kernel that it runs. ``sets_formulas``: its own are no promise; another
    engine of PyTorch's surface may derive the same function otherwise."""

    sets_formulas = False

    def kernel_noise(self, seed: int, program: Program) -> AbstractContextManager[object] | None:
        from .refgrad_noise import KernelNoise

        return KernelNoise(seed)


def backend() -> Refgrad:
    module = import_module("refgrad")
    # As on the oracle: else what a program is told depends on which ran before it.
    module.set_warn_always(True)
    return Refgrad(module, "refgrad", getattr(module, "__version__", "0.1.0"), claims(module))


def claims(module: object) -> frozenset[str]:
    """Everything, less the transforms while there is no ``func``."""
    if hasattr(module, "func"):
        return SEMANTICS
    return SEMANTICS - {"transform:*"} | {"transform:function", "transform:checkpoint"}
