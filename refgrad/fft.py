"""refgrad.fft: Fourier transforms under PyTorch's names. Source: torch.fft."""

from ._op import PUBLIC

_PREFIX = "fft."
globals().update({name[len(_PREFIX) :]: f for name, f in PUBLIC.items() if name.startswith(_PREFIX)})
__all__ = sorted(name[len(_PREFIX) :] for name in PUBLIC if name.startswith(_PREFIX))
