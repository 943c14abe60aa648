"""refgrad.linalg: the matrix functions under PyTorch's names. Source: torch.linalg."""

from ._op import PUBLIC
from .ops.linalg_matrix import LinAlgError

_PREFIX = "linalg."
globals().update({name[len(_PREFIX) :]: f for name, f in PUBLIC.items() if name.startswith(_PREFIX)})
__all__ = ["LinAlgError", *sorted(name[len(_PREFIX) :] for name in PUBLIC if name.startswith(_PREFIX))]
