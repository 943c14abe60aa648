"""Faults of gradient mode and inference mode."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .fault import Fault
from .planting import Planted, part, replaced

LEAK, MODE = "mode leak", "mode"


def _public(change: Callable[[Any], Any], *names: str) -> Planted:
    """Changes functions of the namespace."""
    ns = import_module("refgrad")
    return Planted([(ns, name, change(getattr(ns, name))) for name in names])


def _state() -> Any:
    return part("_modes").state


def _leaving(grad: bool) -> Callable[[Any], Any]:
    """Leaving a gradient mode sets it so, whatever held before."""

    def change(sound: Any) -> Any:
        def leave(self: Any, *args: Any) -> None:
            sound(self, *args)
            _state().grad = grad

        return leave

    return change


def _never_on(sound: Any) -> Any:
    def enter(self: Any) -> None:
        self.before = _state().grad
        _state().grad = self.value and self.before

    return enter


def _undecorating(sound: Any) -> Any:
    return lambda self, function: function


def _whole_generator(sound: Any) -> Any:
    """The mode stays on between the steps of a decorated generator."""

    def wrap(self: Any, function: Any) -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            with self._fresh():
                return (yield from function(*args, **options))

        return wrapped

    return wrap


def _on_entry(sound: Any) -> Any:
    """set_grad_enabled acts in a with statement only."""

    def init(self: Any, mode: bool) -> None:
        sound(self, mode)
        _state().grad = self.before

    return init


def _no_tangents(sound: Any) -> Any:
    """no_grad switches forward mode off."""

    def enter(self: Any) -> None:
        sound(self)
        self.forward = _state().forward_grad
        _state().forward_grad = self.value and self.forward

    return enter


def _tangents_back(sound: Any) -> Any:
    def leave(self: Any, *args: Any) -> None:
        sound(self, *args)
        _state().forward_grad = self.forward

    return leave


def _forward_follows() -> Planted:
    mode = part("_modes")._GradMode
    own = part("_modes").set_grad_enabled
    changes = [(mode, "__enter__", _no_tangents(mode.__enter__)), (mode, "__exit__", _tangents_back(mode.__exit__))]
    return Planted([*changes, (own, "__enter__", _no_tangents(own.__enter__))])


def _tangents_kept(sound: Any) -> Any:
    def enter(self: Any) -> None:
        sound(self)
        _state().forward_grad = True

    return enter


def _ignored_setting(sound: Any) -> Any:
    def init(self: Any, mode: bool = True) -> None:
        sound(self, True)

    return init


def _unsaved_check(sound: Any) -> Any:
    """Gives an inference tensor a version when it is to be saved."""

    def init(self: Any, t: Any, *args: Any) -> None:
        if t._cell is None:
            t._cell = [0]
        sound(self, t, *args)

    return init


def _refused(sound: Any) -> Any:
    """An inference tensor is refused wherever something is recorded."""

    def save(node: Any, inputs: Any, outputs: Any) -> Any:
        if any(isinstance(t, part("_tensor").Tensor) and t.is_inference() for t in inputs):
            raise RuntimeError(part("_errors").INFERENCE_SAVED)
        return sound(node, inputs, outputs)

    return save


def _as_in_inference(sound: Any) -> Any:
    def act(*args: Any, **options: Any) -> Any:
        inference, _state().inference = _state().inference, True
        try:
            return sound(*args, **options)
        finally:
            _state().inference = inference

    return act


def _zero_version(sound: Any) -> Any:
    return property(lambda self: 0 if self._cell is None else int(self._cell[0]))


def _normal(sound: Any) -> Any:
    return lambda self: False


def _inference_kept(sound: Any) -> Any:
    """A copy of an inference tensor is one too."""

    def clone(self: Any, *args: Any, **options: Any) -> Any:
        made = sound(self, *args, **options)
        if self.is_inference():
            made._cell = None
        return made

    return clone


def _inference_view(sound: Any) -> Any:
    """Every view made in inference mode is an inference tensor."""

    def view(*args: Any, **options: Any) -> Any:
        made = sound(*args, **options)
        if _state().inference:
            made._cell = None
        return made

    return view


def _never_required(sound: Any) -> Any:
    """Outside of gradient mode nothing comes to require grad."""

    def make(*args: Any, **options: Any) -> Any:
        made = sound(*args, **options)
        made._needs = made._needs and _state().grad
        return made

    return make


def _off_in_eval(sound: Any) -> Any:
    def call(self: Any, *args: Any, **options: Any) -> Any:
        if self.training:
            return sound(self, *args, **options)
        with part("_modes").no_grad():
            return sound(self, *args, **options)

    return call


def _constant_views(sound: Any) -> Any:
    return property(lambda self: self._needs, sound.fset)


def _left_on(sound: Any) -> Any:
    """A pass leaves its own gradient mode behind."""

    def execute(roots: Any, seeds: Any, keep: bool, create_graph: bool, *args: Any, **options: Any) -> Any:
        try:
            return sound(roots, seeds, keep, create_graph, *args, **options)
        finally:
            _state().grad = create_graph

    return execute


def _callers_mode(sound: Any) -> Any:
    """Hooks run in the caller's gradient mode."""

    def execute(*args: Any, **options: Any) -> Any:
        before = _state().grad
        hooks = part("_engine").run_tensor_hooks

        def run(*given: Any) -> Any:
            inner, _state().grad = _state().grad, before
            try:
                return hooks(*given)
            finally:
                _state().grad = inner

        part("_engine").run_tensor_hooks = run
        try:
            return sound(*args, **options)
        finally:
            part("_engine").run_tensor_hooks = hooks

    return execute


def _unversioned(sound: Any) -> Any:
    """A write under no_grad doesn't count."""

    def store(t: Any, values: Any) -> None:
        cell = t._cell
        before = cell and cell[0]
        sound(t, values)
        if cell is not None and not _state().grad:
            cell[0] = before

    return store


EXECUTE = ("autograd.backward", "execute")
MODES_OFF = ("mode.nesting", "mode.is-grad-enabled", "mode.set-grad-enabled-context")
ENTRIES: tuple[tuple[str, str, str, Callable[[], Planted], tuple[str, ...]], ...] = (
    ("left_recording", "leaving a gradient mode turns recording on", LEAK,
     replaced("_modes", "_GradMode.__exit__", _leaving(True)), ("mode.nesting", "mode.restored-on-exit")),
    ("left_unrecorded", "leaving a gradient mode turns recording off", LEAK,
     replaced("_modes", "_GradMode.__exit__", _leaving(False)), ("mode.nesting", "mode.set-grad-enabled-context")),
    ("enabled_never", "gradient mode can't be turned on inside of no_grad", MODE,
     replaced("_modes", "_GradMode.__enter__", _never_on), ("mode.enable-grad-backward", "mode.nesting")),
    ("undecorated", "a mode doesn't decorate functions", MODE, replaced("_modes", "_Mode.__call__", _undecorating),
     ("mode.decorator", "mode.decorator-generator")),
    ("generator_whole", "a decorated generator's mode stays on between its steps", LEAK,
     replaced("_modes", "_Mode._wrap_generator", _whole_generator), ("mode.decorator-generator",)),
    ("set_on_entry", "set_grad_enabled as a function does nothing", MODE,
     replaced("_modes", "set_grad_enabled.__init__", _on_entry), ("mode.set-grad-enabled-function",)),
    ("enabled_always", "is_grad_enabled is always True", MODE,
     lambda: Planted([(import_module("refgrad"), "is_grad_enabled", lambda: True)]), MODES_OFF),
    ("forward_follows", "no_grad switches forward mode off", MODE, _forward_follows,
     ("mode.no-grad-does-not-affect-forward-ad",)),
    ("inference_tangents", "inference mode leaves forward mode on", MODE,
     replaced("_modes", "inference_mode.__enter__", _tangents_kept), ("mode.inference-disables-forward-ad",)),
    ("inference_unknown", "is_inference is always False", MODE, replaced("_tensor", "Tensor.is_inference", _normal),
     ("mode.inference-not-recorded",)),
    ("inference_always", "inference_mode(False) is inference mode", MODE,
     replaced("_modes", "inference_mode.__init__", _ignored_setting), ("mode.inference-false-argument",)),
    ("inference_saved", "an inference tensor may be saved", "error missing",
     replaced("_saved", "Saved.__init__", _unsaved_check), ("mode.inference-tensor-saved-error",)),
    ("inference_refused", "an inference tensor is refused in anything recorded", MODE,
     replaced("_record", "save", _refused),
     ("mode.inference-tensor-any-recorded-use",)),
    ("inference_written", "an inference tensor may be written anywhere", "error missing",
     replaced("_inplace", "store", _as_in_inference), ("mode.inference-inplace-outside-error",)),
    ("inference_flagged", "an inference tensor may come to require grad", "error missing",
     replaced("_tensor", "set_requires_grad", _as_in_inference), ("mode.inference-requires-grad-error",)),
    ("inference_version", "an inference tensor has version 0", "error missing",
     replaced("_tensor", "Tensor._version", _zero_version), ("mode.inference-no-version",)),
    ("inference_cloned", "a clone of an inference tensor is one", MODE,
     lambda: _public(_inference_kept, "clone"),
     ("mode.inference-clone-is-normal",)),
    ("inference_views", "every view made in inference mode is an inference tensor", MODE,
     lambda: Planted([(part("_tensor").Tensor, name, _inference_view(getattr(part("_tensor").Tensor, name)))
                      for name in ("t", "transpose", "squeeze", "unsqueeze", "detach")]),
     ("mode.inference-view-of-normal",)),
    ("never_required", "under no_grad no factory gives a tensor that requires grad", MODE,
     lambda: _public(_never_required, "tensor", "zeros", "full", "ones_like"),
     ("mode.no-grad-factory-exception", "mode.requires-grad-forced-false")),
    ("eval_unrecorded", "a module in eval mode records nothing", MODE,
     replaced("nn.module", "Module.__call__", _off_in_eval), ("mode.eval-unrelated",)),
    ("views_constant", "a view made under no_grad doesn't require grad", MODE,
     lambda: Planted([(part("_tensor").Tensor, "requires_grad", _constant_views(part("_tensor").Tensor.requires_grad))]),
     ("mode.view-under-no-grad-requires-grad",)),
    ("pass_leaves_mode", "a pass leaves its own gradient mode behind", LEAK, replaced(*EXECUTE, _left_on),
     ("mode.reset-after-backward",)),
    ("pass_keeps_mode", "hooks run in the caller's gradient mode", LEAK, replaced(*EXECUTE, _callers_mode),
     ("mode.backward-body-grad-mode",)),
    ("write_uncounted", "a write under no_grad doesn't count as a version", "version",
     replaced("_inplace", "store", _unversioned),
     ("mode.no-grad-inplace-still-bumps-version", "mode.no-grad-inplace-on-leaf")),
)  # fmt: skip
FAULTS = tuple(Fault(id, title, kind, plant, expects) for id, title, kind, plant, expects in ENTRIES)
