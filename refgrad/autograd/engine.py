"""The part of PyTorch's engine object that Python code uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._modes import state


class ExecutionEngine:
    """`Variable._execution_engine`."""

    def queue_callback(self, callback: Callable[[], Any]) -> None:
        """Calls callback() when the running backward is over. Raises RuntimeError outside a backward."""
        if not state.executing:
            raise RuntimeError("Final callbacks can only be installed during backward pass.")
        state.executing[-1].callbacks.append(callback)
