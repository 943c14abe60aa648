"""refgrad.utils: tools around autograd. Source: torch.utils."""

from . import checkpoint

__all__ = ["checkpoint"]
