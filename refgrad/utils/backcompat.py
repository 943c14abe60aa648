"""Switches for warnings about old meanings of broadcasting and keepdim. Source: torch.utils.backcompat.
Trap: nothing warns any more; the switches only remember how they are set, as in PyTorch."""

from __future__ import annotations


class Warning:
    """A switch: `enabled`."""

    def __init__(self) -> None:
        self._enabled = False

    @property
    def enabled(self) -> bool:
        return self._enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._enabled = bool(value)


broadcast_warning, keepdim_warning = Warning(), Warning()

__all__ = ["Warning", "broadcast_warning", "keepdim_warning"]
