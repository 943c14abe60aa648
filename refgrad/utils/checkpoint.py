"""checkpoint: regions whose intermediate values are computed again in backward. Source: torch.utils.checkpoint.

Trap: the region's function must give the same again; what it reads besides its arguments must not have changed.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from .._modes import state
from .._random import default_generator
from ._devices import SAC_IGNORED_OPS, DefaultDeviceType, GraphExecGroup, get_device_states, set_device_states
from ._recomputation import CheckpointError, Region
from ._reentrant import CheckpointFunction, check_backward_validity, detach_variable
from ._selective import CheckpointPolicy, SelectiveCheckpointContext, create_selective_checkpoint_contexts

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]
_settings: dict[str, Any] = {"early_stop": None, "debug": None}


def noop_context_fn() -> Contexts:
    """Two contexts that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def _setting(name: str, value: Any) -> Iterator[None]:
    before, _settings[name] = _settings[name], value
    try:
        yield
    finally:
        _settings[name] = before


def set_checkpoint_early_stop(enable: bool) -> AbstractContextManager[None]:
    """A context whose checkpoints stop recomputing early, or never do. Source: torch.utils.checkpoint."""
    return _setting("early_stop", enable)


def set_checkpoint_debug_enabled(enabled: bool | None) -> AbstractContextManager[None]:
    """A context in which checkpoints are debugged, whatever they are told (None: as they are told)."""
    return _setting("debug", enabled)


@contextlib.contextmanager
def _random_state(given: Any) -> Iterator[None]:
    """Random numbers as they were at a state, and afterwards as they are now; None: nothing is touched."""
    if given is None:
        yield
        return
    before = default_generator.get_state()
    default_generator.set_state(given)
    try:
        yield
    finally:
        default_generator.set_state(before)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """The function's result; its intermediate values are not kept but computed again in backward.
    Source: torch.utils.checkpoint.checkpoint. Raises ValueError for options that the reentrant form lacks, and
    CheckpointError in backward if the recomputation saves other tensors.
    Trap: the reentrant form works with .backward() only, and without use_reentrant it is the one you get."""
    if use_reentrant is None:
        late = "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception."
        warnings.warn(UNSAID.format("", late), stacklevel=2)
        use_reentrant = True
    is_preserved = kwargs.pop("preserve_rng_state", True)
    if kwargs and use_reentrant:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if use_reentrant and (context_fn is not noop_context_fn or debug):
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    before = default_generator.get_state() if is_preserved else None
    if use_reentrant:
        return CheckpointFunction.apply(function, lambda: _random_state(before), *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    forward, again = context_fn()

    def run(given: Sequence[Any]) -> Any:
        named = dict(zip(kwargs, given[len(args) :]))
        with _random_state(before), again:
            return function(*given[: len(args)], **named)

    if not state.grad:
        with forward:
            return function(*args, **kwargs)
    stops = early_stop if _settings["early_stop"] is None else _settings["early_stop"]
    region = Region(run, (*args, *kwargs.values()), stops, determinism_check == "default")
    region.is_debugged = debug if _settings["debug"] is None else _settings["debug"]
    with region.hooks(), forward:
        return function(*args, **kwargs)


UNSAID = (
    "torch.utils.checkpoint{}: the use_reentrant parameter should be passed explicitly. {} use_reentrant=False is "
    "recommended, but if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to "
    "docs for more details on the differences between the two variants."
)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Runs a Sequential or list of functions in segments, all but the last checkpointed.
    Source: torch.utils.checkpoint.checkpoint_sequential."""
    if use_reentrant is None:
        late = "In version 2.9 we will raise an exception if use_reentrant is not passed."
        warnings.warn(UNSAID.format(".checkpoint_sequential", late), stacklevel=2)
        use_reentrant = True
    is_preserved = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    members = list(functions.children()) if hasattr(functions, "children") else list(functions)

    def segment(start: int, stop: int) -> Callable[[Any], Any]:
        def forward(value: Any) -> Any:
            for member in members[start:stop]:
                value = member(value)
            return value

        return forward

    size = len(members) // segments
    stop = 0
    for start in range(0, size * (segments - 1), size):
        stop = start + size
        input = checkpoint(segment(start, stop), input, use_reentrant=use_reentrant, preserve_rng_state=is_preserved)
    return segment(stop, len(members))(input)


__all__ = [
    "SAC_IGNORED_OPS",
    "CheckpointError",
    "CheckpointFunction",
    "CheckpointPolicy",
    "DefaultDeviceType",
    "GraphExecGroup",
    "SelectiveCheckpointContext",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]
