"""Saving to a file and loading from it: pickle, with tensors that share memory still sharing it."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from ._storage import as_strided_array, element_strides, flat_storage, owner, storage_offset
from ._tensor import CONJ, NEG, Tensor, device
from .ops.duplicate import rebuild

File = str | os.PathLike[str] | IO[bytes]
_PLAIN = {"bytearray", "bytes", "complex", "frozenset", "list", "range", "set", "slice", "tuple"}
# What a file of tensors and plain Python data needs; anything else could run code of the file's author. Pickle's
# protocol 2, PyTorch's default, calls the builtins by their old name.
_ALLOWED = {
    "builtins": _PLAIN,
    "__builtin__": _PLAIN,
    "collections": {"OrderedDict", "Counter", "defaultdict"},
    "_codecs": {"encode"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "ml_dtypes": {"bfloat16"},
    "refgrad.serialization": {"restore"},
    "refgrad._tensor": {"Tensor", "Size", "device"},
    "refgrad.nn.parameter": {"Parameter"},
}


def restore(
    cls: type[Tensor], memory: np.ndarray, geometry: tuple[Any, ...], flags: int, needs: bool, attributes: Any
) -> Tensor:
    """A leaf on a part of loaded memory."""
    return rebuild(cls, as_strided_array(memory, *geometry), flags, needs, attributes)


class _Pickler(pickle.Pickler):
    """Writes a tensor as its memory, which is written once however many tensors look at it, and its geometry."""

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        super().__init__(file, protocol)
        self._memories: dict[tuple[int, np.dtype], tuple[np.ndarray, np.ndarray]] = {}

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Tensor):
            return NotImplemented
        array = obj._array
        root = owner(array)
        # The owner is kept so that its address stays its own; the flat array so that pickle sees one object.
        _, memory = self._memories.setdefault((id(root), array.dtype), (root, flat_storage(array)))
        geometry = (array.shape, element_strides(array), storage_offset(array))
        flags = obj._flags & (CONJ | NEG)
        return restore, (type(obj), memory, geometry, flags, obj.requires_grad, obj.__dict__)


class _Unpickler(pickle.Unpickler):
    """Reads tensors and plain data, nothing that runs code."""

    def find_class(self, module: str, name: str) -> Any:
        if name in _ALLOWED.get(module, ()) or (module == "refgrad._dtypes" and name.isalnum()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(
            f"the file holds {module}.{name}, and with weights_only=True (the default) only tensors and plain data are "
            "loaded; pass weights_only=False if you trust whoever wrote the file, since that can run their code"
        )


def save(obj: object, f: File, pickle_module: Any = pickle, pickle_protocol: int = 2) -> None:
    """Writes an object to a file or a path. Source: torch.save. Traps: what was recorded comes back as a leaf; the
    files are refgrad's own, PyTorch doesn't read them."""
    if isinstance(f, (str, os.PathLike)):
        with open(f, "wb") as file:
            _Pickler(file, pickle_protocol).dump(obj)
    else:
        _Pickler(f, pickle_protocol).dump(obj)


def load(
    f: File,
    map_location: Callable[..., Any] | str | device | dict[str, str] | None = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
) -> Any:
    """Reads what `save` wrote. Raises pickle.UnpicklingError for anything but tensors and plain data, unless
    `weights_only` is False. Source: torch.load."""
    if isinstance(map_location, str):
        device(map_location)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            f = io.BytesIO(file.read())
    reader = pickle.Unpickler if weights_only is False else _Unpickler
    return reader(f).load()


__all__ = ["load", "save"]
