"""Warnings that PyTorch's C++ side gives once in a process."""

from __future__ import annotations

import warnings

from ._errors import is_warn_always_enabled

_GIVEN: set[str] = set()


def warn_once(text: str, place: str) -> None:
    """Warns, unless this text was given before. `place` is the file and line that PyTorch names in it."""
    if is_warn_always_enabled() or text not in _GIVEN:
        _GIVEN.add(text)
        warnings.warn(
            f"{text} (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/{place}.)",
            UserWarning,
            stacklevel=3,
        )
