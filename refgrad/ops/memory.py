"""What can be asked about a tensor's memory: its storage, where it starts, the address."""

from __future__ import annotations

from .._storage import owner, storage_offset
from .._tensor import Tensor, method


class UntypedStorage:
    """The memory that a tensor and its views share. Source: torch.UntypedStorage."""

    __slots__ = ("_owner",)

    def __init__(self, t: Tensor) -> None:
        self._owner = owner(t._array)

    def data_ptr(self) -> int:
        """The address of the first byte; 0 when there is none."""
        return self._owner.ctypes.data if self._owner.size else 0

    def nbytes(self) -> int:
        """The size in bytes."""
        return self._owner.nbytes

    def __len__(self) -> int:
        return self._owner.nbytes

    def size(self) -> int:
        """The size in bytes."""
        return self._owner.nbytes


@method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory below the tensor. Source: torch.Tensor.untyped_storage."""
    return UntypedStorage(self)


@method
def data_ptr(self: Tensor) -> int:
    """The address of the first element. Source: torch.Tensor.data_ptr."""
    return self._array.ctypes.data if self._array.size else 0


def _offset(self: Tensor) -> int:
    """The place of the first element in the storage, in elements. Source: torch.Tensor.storage_offset."""
    return storage_offset(self._array)


Tensor.storage_offset = _offset  # type: ignore[attr-defined]
