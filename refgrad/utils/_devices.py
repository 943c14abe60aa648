"""Random states of devices besides the CPU, of which there are none; groups of backward calls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

SAC_IGNORED_OPS = frozenset(
    {
        "aten.detach",
        "aten.dim",
        "aten.is_contiguous",
        "aten.is_non_overlapping_and_dense",
        "aten.is_strides_like_format",
        "aten.numel",
        "aten.size",
        "aten.storage_offset",
        "aten.stride",
        "prim.device",
    }
)
"""Operators that a policy isn't asked about: they compute nothing."""


class DefaultDeviceType:
    """The kind of device that checkpoint takes where no tensor says. Source: torch.utils.checkpoint."""

    _default_device_type = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        DefaultDeviceType._default_device_type = device

    @staticmethod
    def get_device_type() -> str:
        return DefaultDeviceType._default_device_type


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """The devices (not the CPU) of the tensors and their random states: none. Source: torch.utils.checkpoint."""
    return [], []


def set_device_states(devices: Sequence[int], states: Sequence[Any], *, device_type: str | None = None) -> None:
    """Sets random states of devices. Raises RuntimeError where there are any: refgrad computes on the CPU only."""
    if devices or states:
        raise RuntimeError(f"refgrad has no devices besides the CPU, and was given states of {list(devices)}")


class GraphExecGroup:
    """A context whose backward calls recompute a checkpointed region at most once between them.
    Source: torch.utils.checkpoint.GraphExecGroup. Trap: they must run over different parts of the graph."""

    _running = threading.local()

    def __enter__(self) -> GraphExecGroup:
        if self.current() is not None:
            raise RuntimeError(f"GraphExecGroup contexts cannot be nested. Already inside group {self.current()}")
        self._running.group = self
        return self

    def __exit__(self, *_: object) -> None:
        self._running.group = None

    @classmethod
    def current(cls) -> GraphExecGroup | None:
        """The group that runs in this thread."""
        return getattr(cls._running, "group", None)
