"""Settings of torch.autograd.graph that matter on accelerators or under torch.compile only: refgrad has neither, and
takes them so that code which sets them runs. Source: torch.autograd.graph."""

from __future__ import annotations

from contextlib import AbstractContextManager


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Whether to warn of a gradient from another stream; the CPU has none. Raises RuntimeError for a non-bool."""
    _check_flag(enabled)


def set_override_stale_capture_stream(enabled: bool) -> None:
    """How captured streams are treated; the CPU has none. Raises RuntimeError for a non-bool."""
    _check_flag(enabled)


def region_activation_memory_budget(budget: float) -> AbstractContextManager[None]:
    """A hint to torch.compile. Raises RuntimeError, as PyTorch does outside a compiled region, and TypeError or
    ValueError for a budget that is no number from 0 to 1."""
    name = "torch.autograd.graph.region_activation_memory_budget"
    if isinstance(budget, bool) or not isinstance(budget, (int, float)):
        raise TypeError(f"{name}: expects a float, got {type(budget).__name__}")
    if not 0 <= budget <= 1:
        raise ValueError(f"{name}: must be in [0, 1], got {budget}")
    raise RuntimeError(f"{name} can only be used inside a torch.compile region; it has no effect in eager mode.")


def _check_flag(enabled: bool) -> None:
    if not isinstance(enabled, bool):
        raise RuntimeError(f"enabled must be a bool, but got {type(enabled).__name__}")
