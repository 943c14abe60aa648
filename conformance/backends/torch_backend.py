"""PyTorch on the CPU."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from ..programs.program import Program
from .torchlike import Torchlike


class Torch(Torchlike):
    """PyTorch, whose noisy runs disturb every kernel that it runs."""

    def seed(self, number: int) -> None:
        # torch.manual_seed notes the stack for each kind of device that isn't there yet, and keeps all those notes.
        self.ns.default_generator.manual_seed(number)

    def kernel_noise(self, seed: int, program: Program) -> AbstractContextManager[object] | None:
        from .torch_noise import KernelNoise, loops_when_watched

        return None if loops_when_watched(program) else KernelNoise(seed)

    def before_write(self, tensor: Any, is_part: bool = False) -> None:
        """Raises what PyTorch 2.13 raises where the whole of an output other than its node's first is written after
        its gradient was retained: where a part is, the next backward ends the process."""
        written = tensor._base if tensor._is_view() else tensor if is_part else None
        if written is None or not written.retains_grad or not written.output_nr:
            return
        if self.ns.is_grad_enabled() and not self.ns.is_inference_mode_enabled():
            raise RuntimeError("out != nullptr INTERNAL ASSERT FAILED: the next backward would end the process")

    def storage_key(self, tensor: Any) -> int:
        """Zeros without memory, which some formulas give, are told apart by what stands for it."""
        if tensor._is_zerotensor():
            return -tensor.untyped_storage()._cdata
        return super().storage_key(tensor)


def backend() -> Torch:
    import torch

    with warnings.catch_warnings():
        # Forward mode imports this at its first use, and that import warns.
        warnings.simplefilter("ignore")
        import_module("torch._decomp.decompositions_for_jvp")
    torch.set_num_threads(1)
    torch.set_warn_always(True)
    return Torch(torch, "torch", torch.__version__)
