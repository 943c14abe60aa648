"""PyTorch on a device that lacks a sine, and whose cosine asserts within its kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from conformance.backends.torch_device import TorchOn

WORDS = {
    "sin": NotImplementedError("\"sin_device\" not implemented for 'Double'"),
    "cos": RuntimeError("CUDA error: device-side assert triggered\nmore of it"),
    "tan": RuntimeError("The operator 'aten::tan' is not currently implemented for the MPS device."),
}


class Poor(TorchOn):
    def callable(self, op: str, form: str) -> Callable[..., Any]:
        return super().callable(op, form) if op not in WORDS else lambda *args, **attrs: self.refuse(WORDS[op])

    def refuse(self, error: Exception) -> None:
        raise error


def backend() -> Poor:
    return Poor(torch, "cpu")
