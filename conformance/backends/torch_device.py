"""PyTorch on a device: ``torch:cuda``, ``torch:mps``, ``torch:xpu``, or a PrivateUse1 package imported before.

Leaves are made on the device with the layout that the program states, and what is shown comes back to the host. TF32
and reduced-precision reductions are off: tolerances are those of any engine. What a device has no kernel or dtype for is
not claimed, program by program. No error text, random stream or thread is compared, and no moment of death: a device
has its own.
"""

from __future__ import annotations

import os
import re
import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..programs import program as p
from ..programs.leafdata import DTYPES
from ..programs.trace import Raised, Trace
from . import ASSERTED, UNCLAIMED, EngineDied, error_kind
from .torch_backend import Torch
from .torchlike import SEMANTICS

NOT_HELD_TO = frozenset({"messages", "repr", "random", "threads", "lifetime", "dtype:*"})
NO_KERNEL = re.compile(
    r"not implemented for '|Could not run 'aten::|requires compiling PyTorch with|doesn't support float64"
    r"|not (currently )?(implemented|supported) (for|on) (the )?(a )?(CUDA|GPU|MPS|XPU|HIP|PrivateUse1)"
    r"|(does not|doesn't|don't) support .{0,40}\b(CUDA|MPS|XPU|PrivateUse1)\b",
    re.IGNORECASE,
)
"""What PyTorch says where a device has no kernel, or none for the dtype."""
LOST = re.compile(r"device-side assert|CUDA error|HIP error|illegal memory access|unspecified launch failure")
"""What it says where the device's context is lost: nothing works in this process any more."""


class TorchOn(Torch):
    """PyTorch whose tensors are on one device. ``ruined``: the device's context is lost."""

    limits_memory = False  # Drivers reserve address space by the hundred gigabytes.

    def __init__(self, ns: Any, device: str) -> None:
        super().__init__(ns, f"torch:{device}", ns.__version__, SEMANTICS - NOT_HELD_TO)
        self.device = ns.device(device)
        self.ruined = False
        self.claims |= {f"dtype:{name}" for name in DTYPES if self._has(name)}

    def _has(self, dtype: str) -> bool:
        """Whether the device holds and adds numbers of a dtype."""
        try:
            ones = self.ns.ones(2, dtype=getattr(self.ns, dtype), device=self.device)
            return bool((ones | ones if dtype == "bool" else ones + ones).cpu().numel() == 2)
        except (RuntimeError, TypeError, NotImplementedError):
            return False

    def kernel_noise(self, seed: int, program: p.Program) -> None:
        """None: its noise is added to leaves and results, wherever they are."""

    def tensor(self, array: np.ndarray) -> Any:
        """A fresh tensor on the device with the array's strides; no view of anything, and never written."""
        if not array.size:
            return super().tensor(array).to(self.device)
        extent = 1 + sum((d - 1) * s for d, s in zip(array.shape, array.strides)) // array.itemsize
        memory = as_strided(array, (extent,), (array.itemsize,))
        strides = [s // array.itemsize for s in array.strides]
        return super().tensor(np.array(memory)).to(self.device).as_strided(array.shape, strides).data

    def seed(self, number: int) -> None:
        self.ns.manual_seed(number)

    def array(self, tensor: Any) -> np.ndarray:
        """A copy of a tensor's values on the host."""
        return super().array(tensor.data.cpu())

    def kind_of(self, error: BaseException) -> str:
        """The kind of an error; apart where the device lacks a kernel, or where one's check failed."""
        text = str(error)
        if LOST.search(text):
            self.ruined = True
            return ASSERTED if "device-side assert" in text else error_kind(error)
        return UNCLAIMED if NO_KERNEL.search(text) else error_kind(error)

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        if self.ruined:
            raise EngineDied("crash", "the device's context is lost since an earlier program: run it with --isolate")
        trace = super().execute(program, noise)
        lost = next((r.message for _, r in trace.raised() if LOST.search(r.message)), None)
        self.ruined = self.ruined or lost is not None
        return trace if lost is None else _without_what_followed(trace)

    def call(self, run: Any, drawn: Any) -> Any:
        with self.device:
            return run(self.ns, drawn)


def _without_what_followed(trace: Trace) -> Trace:
    """The steps up to the one that lost the context: the others' errors are its echo."""
    first = next(step for step, r in trace.raised() if LOST.search(r.message))
    kept = [*trace.steps[: first + 1], *(Raised("Other", "context lost") for _ in trace.steps[first + 1 :])]
    return Trace(kept, trace.hooks, trace.warnings)


def backend(device: str) -> TorchOn:
    """PyTorch on a device, ready: its libraries are loaded before a program is timed."""
    # Errors then show at the step that made them.
    os.environ.setdefault("CUDA_LAUNCH_BLOCKING", "1")
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("torch._decomp.decompositions_for_jvp")
        ready = torch.ones((2, 2), device=device)
        (ready @ ready).cpu()
    torch.set_num_threads(1)
    torch.set_warn_always(True)
    exact_arithmetic(torch)
    return TorchOn(torch, device)


def exact_arithmetic(torch: Any) -> None:
    """Products and sums in the dtype that was asked for, and the same each time."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.benchmark = False
