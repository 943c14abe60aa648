"""Anomaly mode: nodes remember the forward call that made them, and backward stops at the first NaN.
Source: torch.autograd.detect_anomaly. The mode holds for the process, not for a thread."""

from __future__ import annotations

import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .._graph import Node
from .._modes import set_anomaly, state
from .._tensor import Tensor, resolved

_HERE = str(Path(__file__).resolve().parent.parent)
_FORWARD = "Error detected in {}. Traceback of forward call that caused the error:\n{}"
_UNKNOWN = (
    "Error detected in {}. No forward pass information available. Enable detect anomaly during forward pass for more "
    "information."
)
_INDUCED = (
    "\n\nPrevious calculation was induced by {}. Traceback of forward call that induced the previous calculation:\n{}"
)


class ForwardTrace:
    """What anomaly mode does: notes the stack at each node's birth, checks its results, explains an error."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan

    def note(self, node: Node) -> None:
        """Keeps the user's stack, and the node that runs now if this is a recorded backward."""
        frames = [f for f in traceback.extract_stack() if not f.filename.startswith(_HERE)]
        node.metadata["traceback_"] = traceback.format_list(frames)
        running = state.executing[-1].running if state.executing else None
        if running is not None:
            node.metadata["parent_"] = running

    def check(self, node: Node, results: tuple[Any, ...]) -> None:
        """Raises RuntimeError if a cotangent is NaN somewhere."""
        if not self.check_nan:
            return
        for k, g in enumerate(results):
            if g is not None and np.isnan(resolved(g) if isinstance(g, Tensor) else g).any():
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {k}th output.")

    def explain(self, node: Node) -> None:
        """Warns with the traceback of the forward call that made the node, and of those that led to it."""
        text = _FORWARD if "traceback_" in node.metadata else _UNKNOWN
        self._show(text, node)
        parent = node.metadata.get("parent_")
        while parent is not None:
            self._show(_INDUCED if "traceback_" in parent.metadata else _UNKNOWN, parent)
            parent = parent.metadata.get("parent_")

    def _show(self, text: str, node: Node) -> None:
        trace = "".join(node.metadata.get("traceback_", ()))
        warnings.warn(text.format(node.name(), trace), UserWarning, stacklevel=2)


class _Setting:
    """What holds for the process: whether the mode is on, and whether NaN is looked for, which is kept when it is off."""

    is_on, check_nan = False, True


def _set(is_on: bool, check_nan: bool) -> None:
    _Setting.is_on, _Setting.check_nan = is_on, check_nan
    set_anomaly(ForwardTrace(check_nan) if is_on else None)


class set_detect_anomaly:
    """Sets anomaly mode at once, and restores it on exit when used in a with statement.
    Source: torch.autograd.set_detect_anomaly."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = (_Setting.is_on, _Setting.check_nan)
        _set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *args: object) -> None:
        _set(*self.before)


class detect_anomaly(set_detect_anomaly):
    """Context manager that turns anomaly mode on, with a warning. Source: torch.autograd.detect_anomaly.
    Trap: it slows everything down."""

    def __init__(self, check_nan: bool = True) -> None:
        self.before = (_Setting.is_on, _Setting.check_nan)
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            UserWarning,
            stacklevel=2,
        )

    def __enter__(self) -> None:
        _set(True, self.check_nan)


def is_anomaly_enabled() -> bool:
    """Source: torch.is_anomaly_enabled."""
    return _Setting.is_on


def is_anomaly_check_nan_enabled() -> bool:
    """Source: torch.is_anomaly_check_nan_enabled."""
    return _Setting.check_nan
