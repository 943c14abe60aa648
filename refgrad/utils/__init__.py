"""refgrad.utils: tools around autograd. Source: torch.utils."""

from . import backcompat, checkpoint

__all__ = ["backcompat", "checkpoint"]
