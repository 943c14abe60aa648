"""PyTorch on the CPU."""

from __future__ import annotations

from .torchlike import Torchlike


def backend() -> Torchlike:
    import torch

    torch.set_num_threads(1)
    torch.set_warn_always(True)
    return Torchlike(torch, "torch", torch.__version__)
