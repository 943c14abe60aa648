"""PyTorch on the CPU."""

from __future__ import annotations

import warnings
from importlib import import_module

from .torchlike import Torchlike


def backend() -> Torchlike:
    import torch

    with warnings.catch_warnings():
        # Forward mode imports this at its first use, and that import warns.
        warnings.simplefilter("ignore")
        import_module("torch._decomp.decompositions_for_jvp")
    torch.set_num_threads(1)
    torch.set_warn_always(True)
    return Torchlike(torch, "torch", torch.__version__)
