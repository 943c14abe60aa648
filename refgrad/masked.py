"""refgrad.masked: operators on the elements that a mask keeps, under PyTorch's names. Source: torch.masked."""

from ._op import PUBLIC

_PREFIX = "masked."
globals().update({name[len(_PREFIX) :]: f for name, f in PUBLIC.items() if name.startswith(_PREFIX)})
__all__ = sorted(name[len(_PREFIX) :] for name in PUBLIC if name.startswith(_PREFIX))
