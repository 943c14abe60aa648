"""refgrad.optim: optimisers that step parameters in place, unrecorded. Source: torch.optim."""

from __future__ import annotations

from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
