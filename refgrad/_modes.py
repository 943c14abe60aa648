"""The thread's autograd state, and the modes that change it.

Gradient mode, inference mode, the saved-tensor hooks and the sequence number belong to a thread, as in PyTorch
(notes/autograd, "Locally disabling gradient computation", "Thread safety"). `State.run` calls a NumPy kernel in a
context where floating-point warnings are off: 0.1 µs a call where `np.errstate` costs 1 µs, and the user's own
`np.geterr()` stays as it was.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import threading
import warnings
import weakref
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


_threads: weakref.WeakSet[State] = weakref.WeakSet()
_every: dict[str, Any] = {"anomaly": None}
# The running levels of forward differentiation, by number, outermost first. One dict for all threads: a level is not a
# thread's (as in PyTorch).
LEVELS: dict[int, Any] = {}


class State:
    """What one thread knows. `plain` is False when an operator must take its general path (inference mode, hooks on
    saved tensors, tracing of anomalies, function transforms), so that the fast path checks one flag; `computes` stays
    True where only what is recorded is rare."""

    __slots__ = (
        "__weakref__", "anomaly", "computes", "dual_levels", "executing", "forward_grad", "functional_levels", "grad",
        "inference", "layout_policy", "multithreading", "mutation", "plain", "run", "saved_hooks",
        "saved_hooks_disabled", "sequence", "transforms", "view_replay",
    )  # fmt: skip

    def __init__(self) -> None:
        self.grad = True
        self.inference = False
        self.forward_grad = True
        self.multithreading = True
        self.view_replay = False
        self.saved_hooks: tuple[Any, ...] = ()
        self.saved_hooks_disabled: str | None = None
        self.anomaly: Any = _every["anomaly"]
        self.mutation: Any = None
        self.layout_policy = True
        self.dual_levels: list[Any] = []
        self.functional_levels: list[Any] = []
        self.executing: list[Any] = []
        self.sequence = 0
        self.transforms: list[str] = []
        self.plain, self.computes = self.anomaly is None, True
        _threads.add(self)
        with np.errstate(all="ignore"):
            self.run: Callable[..., Any] = contextvars.copy_context().run


class _Local(threading.local):
    def __init__(self) -> None:
        self.me = State()


# One thread-local lookup costs as much as five attributes of a slotted object: hot code reads `local.me` once.
local = _Local()


class CurrentState:
    """The calling thread's State, attribute by attribute, for code where a lookup more does not matter."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(local.me, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(local.me, name, value)

    def settle(self) -> None:
        """Recomputes `plain` after one of the rare settings changed."""
        me = local.me
        me.computes = not (me.inference or me.functional_levels)
        me.plain = me.computes and not (me.saved_hooks or me.anomaly)


state = CurrentState()


def set_anomaly(record: Any) -> None:
    """Turns the recording of forward calls on (an object with `note`) or off (None), in every thread."""
    _every["anomaly"] = record
    for thread in list(_threads):
        thread.anomaly = record
        thread.plain = thread.computes and not (thread.saved_hooks or record)


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread. Source: torch.is_grad_enabled."""
    return state.grad


def is_recording() -> bool:
    """Whether autograd looks at operations in this thread: in inference mode it doesn't, whatever gradient mode says."""
    me = local.me
    return me.grad and not me.inference


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in inference mode. Source: torch.is_inference_mode_enabled."""
    return state.inference


def is_multithreading_enabled() -> bool:
    """Whether a backward of this thread may use further threads. Source: torch.autograd.is_multithreading_enabled."""
    return state.multithreading


def is_view_replay_enabled() -> bool:
    """Whether views of written bases are replayed in this thread. Source: torch.autograd.is_view_replay_enabled."""
    return state.view_replay


class _Mode:
    """A context manager that also decorates functions, generators and (with a warning) classes' constructors."""

    def __call__(self, function: Function) -> Function:
        if inspect.isclass(function):
            warnings.warn(CLASS_DECORATED, FutureWarning, stacklevel=2)
            function.__init__ = self(function.__init__)  # type: ignore[misc]
            return function  # type: ignore[return-value]
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _wrap_generator(self, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
        """The mode holds inside the generator's body only, not in the code between its steps."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            body = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, body)
            try:
                while True:
                    with self.clone():
                        item = step()
                    try:
                        sent = yield item
                        step = functools.partial(body.send, sent)
                    except GeneratorExit:
                        with self.clone():
                            body.close()
                        raise
                    except BaseException as error:
                        step = functools.partial(body.throw, error)
            except StopIteration as stop:
                return stop.value

        return wrapped

    def clone(self) -> Any:
        return type(self)()

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError


CLASS_DECORATED = (
    "Decorating classes is deprecated and will be disabled in future versions. You should only decorate functions or "
    "methods. To preserve the current behavior of class decoration, you can directly decorate the `__init__` method "
    "and nothing else."
)


class _GradMode(_Mode):
    value = False

    def __enter__(self) -> None:
        me = local.me
        self.before, me.grad = me.grad, self.value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        local.me.grad = self.before


class _BareGradMode(_GradMode):
    """A gradient mode that also decorates without parentheses."""

    def __new__(cls, orig_func: Callable[..., Any] | None = None) -> Any:
        made = super().__new__(cls)
        return made if orig_func is None else made(orig_func)


class no_grad(_BareGradMode):
    """Operations in the block are not recorded. Source: torch.no_grad. Trap: in-place writes still bump versions."""

    def __init__(self) -> None:
        self.before = False


class enable_grad(_BareGradMode):
    """Operations in the block are recorded, also inside no_grad (not in inference_mode). Source: torch.enable_grad."""

    value = True


class set_grad_enabled(_GradMode):
    """Sets gradient mode at once, and restores it at the end of a with statement. Source: torch.set_grad_enabled."""

    def __init__(self, mode: bool) -> None:
        self.before, self.value = state.grad, mode
        state.grad = mode

    def __call__(self, function: Function) -> Function:
        state.grad = self.before
        return super().__call__(function)

    def clone(self) -> set_grad_enabled:
        return set_grad_enabled(self.value)

    def __enter__(self) -> None:
        state.grad = self.value


class inference_mode(_Mode):
    """Like no_grad, and tensors made inside carry no version counter and can't be saved for backward later.
    Source: torch.inference_mode. Trap: a view of a normal tensor made inside is a normal tensor."""

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        made = super().__new__(cls)
        if callable(mode):
            made.mode = True
            return made(mode)
        return made

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def clone(self) -> inference_mode:
        return inference_mode(self.mode)

    def __enter__(self) -> None:
        self.before = (state.inference, state.grad, state.forward_grad)
        state.inference = self.mode
        state.grad = state.forward_grad = not self.mode
        state.settle()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.inference, state.grad, state.forward_grad = self.before
        state.settle()


class _Setting(_Mode):
    """A setting of the thread that takes effect at once, and is restored on exit when used in a with statement."""

    name = ""

    def __init__(self, value: bool = True) -> None:
        self.before, self.value = getattr(state, self.name), value
        setattr(state, self.name, value)

    def clone(self) -> _Setting:
        return type(self)(self.value)

    def __enter__(self) -> None:
        setattr(state, self.name, self.value)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        setattr(state, self.name, self.before)


class set_multithreading_enabled(_Setting):
    """Whether a backward may use further threads; refgrad's never does. Source: torch.autograd.grad_mode."""

    name = "multithreading"

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)


class enforce_grad_layout_policy(_Setting):
    """Whether a new `.grad` takes its leaf's strides (the default), or may keep the cotangent's.
    Source: torch.autograd.grad_mode.enforce_grad_layout_policy."""

    name = "layout_policy"

    def __init__(self, enable: bool = True) -> None:
        super().__init__(enable)
