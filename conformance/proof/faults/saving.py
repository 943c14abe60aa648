"""Faults of what is saved for backward, and of the hooks on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fault import Fault
from .planting import Planted, part, replaced, row

SAVED = "saved tensors"


def _copied(sound: Any) -> Any:
    """A saved value is given out as a copy."""

    def tensor_for(self: Any, node: Any) -> Any:
        found = sound(self, node)
        made = part("_tensor").plain(found._array.copy())
        made._edge, made._needs = found._edge, found._needs
        return made

    return tensor_for


def _results_unpacked(sound: Any) -> Any:
    def pack(self: Any, *args: Any) -> None:
        if not self.is_own:
            sound(self, *args)

    return pack


def _unpacked_once(sound: Any) -> Any:
    found: dict[int, tuple[Any, Any]] = {}

    def unpacked(self: Any) -> Any:
        if id(self) not in found or found[id(self)][0] is not self:
            found[id(self)] = self, sound(self)
        return found[id(self)][1]

    return unpacked


def _packed_twice(sound: Any) -> Any:
    def pack(self: Any, pack_hook: Any, unpack_hook: Any, t: Any) -> None:
        pack_hook(t)
        sound(self, pack_hook, unpack_hook, t)

    return pack


def _any_type(sound: Any) -> Any:
    def unpacked(self: Any) -> Any:
        value = self.unpack_hook(self.packed)
        return value if isinstance(value, part("_tensor").Tensor) else part("_tensor").plain(part("_saved").np.ones(1))

    return unpacked


def _remembered(sound: Any) -> Any:
    """Keeps the value beside what pack returned, and uses that."""

    def pack(self: Any, pack_hook: Any, unpack_hook: Any, t: Any) -> None:
        value = t.detach()
        sound(self, pack_hook, lambda packed: value, t)

    return pack


def _stringly(sound: Any) -> Any:
    """Tensors only come back from pack."""

    def pack(self: Any, pack_hook: Any, unpack_hook: Any, t: Any) -> None:
        def tensor_only(x: Any) -> Any:
            found = pack_hook(x)
            return found if isinstance(found, part("_tensor").Tensor) else x

        sound(self, tensor_only, unpack_hook, t)

    return pack


def _historyless(sound: Any) -> Any:
    return lambda self, made, node: made


def _detached(sound: Any) -> Any:
    return lambda self, pack, unpack, t: sound(self, pack, unpack, t.detach())


def _written(sound: Any) -> Any:
    def pack(self: Any, pack_hook: Any, unpack_hook: Any, t: Any) -> None:
        sound(self, lambda x: pack_hook(x.clone()), unpack_hook, t)

    return pack


def _outermost(sound: Any) -> Any:
    def enter(self: Any) -> None:
        sound(self)
        state = part("_modes").state
        state.saved_hooks = (*state.saved_hooks, state.saved_hooks[0])

    return enter


def _popping_two(sound: Any) -> Any:
    def leave(self: Any, *args: Any) -> None:
        state = part("_modes").state
        state.saved_hooks = state.saved_hooks[:-2]
        state.settle()

    return leave


def _outer_hooks() -> Planted:
    hooks = part("autograd.saved").saved_tensors_hooks
    changes = [(hooks, "__enter__", _outermost(hooks.__enter__)), (hooks, "__exit__", _popping_two(hooks.__exit__))]
    return Planted(changes)


def inherited(*names: str) -> Callable[[], Planted]:
    """A new thread starts with its parent's settings instead of its own."""

    def plant() -> Planted:
        modes = part("_modes")
        sound, main = modes.State.__init__, modes.local.me

        def init(self: Any) -> None:
            sound(self)
            for name in names:
                setattr(self, name, getattr(main, name))
            self.plain = self.computes = False

        return Planted([(modes.State, "__init__", init)])

    return plant


def _enabled(sound: Any) -> Any:
    return lambda message: part("_modes").enable_grad()


def _rounded(sound: Any) -> Any:
    """save_on_cpu keeps half precision."""

    def init(self: Any, *args: Any, **options: Any) -> None:
        sound(self, *args, **options)
        tensor = part("_tensor").plain
        self.pack_hook = lambda t: tensor((t.detach()._array.astype("float16")).astype(t._array.dtype))

    return init


def _always_both() -> Planted:
    """A product saves both operands, whichever needs a gradient."""
    broken = row("MulBackward0")
    schema = part("_schema")
    rules = {
        "self": schema.rule(broken.schema, lambda g, F, self, other: g * F.conj(other)),
        "other": schema.rule(broken.schema, lambda g, F, self, other: g * F.conj(self)),
    }
    return Planted([(broken, "rules", {**broken.rules, **rules}), (broken, "plans", {})])


def _recording_always(sound: Any) -> Any:
    def enter(self: Any) -> None:
        self.before = part("_modes").state.grad

    return enter


def _version_checked(sound: Any) -> Any:
    def pack(self: Any, pack_hook: Any, unpack_hook: Any, t: Any) -> None:
        cell, version = t._cell, t._cell[0]

        def unpack(packed: Any) -> Any:
            if cell[0] != version:
                raise RuntimeError("modified by an inplace operation")
            return unpack_hook(packed)

        sound(self, pack_hook, unpack, t)

    return pack


def _shape_checked(sound: Any) -> Any:
    def pack(self: Any, pack_hook: Any, unpack_hook: Any, t: Any) -> None:
        shape = t.shape

        def unpack(packed: Any) -> Any:
            found = unpack_hook(packed)
            if getattr(found, "shape", shape) != shape:
                raise RuntimeError("unpack hook changed the shape")
            return found

        sound(self, pack_hook, unpack, t)

    return pack


def _order_of_operands(sound: Any) -> Any:
    """Tags the pack order the other way round: the last value of a pair is packed first."""
    waiting: list[Any] = []

    def pack(self: Any, pack_hook: Any, unpack_hook: Any, t: Any) -> None:
        waiting.append(t)
        if len(waiting) == 2:
            first, second = waiting
            waiting.clear()
            pack_hook(second)
            pack_hook(first)
        sound(self, lambda x: x, unpack_hook, t)

    return pack


def _late(sound: Any) -> Any:
    def register(self: Any, pack_hook: Any, unpack_hook: Any) -> None:
        sound(self, lambda t: t, lambda t: unpack_hook(pack_hook(t)))

    return register


def _again(sound: Any) -> Any:
    def register(self: Any, *hooks: Any) -> None:
        try:
            sound(self, *hooks)
        except RuntimeError as error:
            if "already been set" not in str(error):
                raise

    return register


def _after_free(sound: Any) -> Any:
    def register(self: Any, *hooks: Any) -> None:
        if self._node.saved is not None:
            sound(self, *hooks)

    return register


def _inside_only(sound: Any) -> Any:
    """unpack hooks are used inside of their block only."""

    def unpacked(self: Any) -> Any:
        return sound(self) if part("_modes").state.saved_hooks else self.packed

    return unpacked


def _function_unhooked(sound: Any) -> Any:
    def save(*args: Any, **options: Any) -> Any:
        state = part("_modes").state
        hooks, state.saved_hooks = state.saved_hooks, ()
        try:
            return sound(*args, **options)
        finally:
            state.saved_hooks = hooks

    return save


PACK, UNPACKED = "Saved.pack", "Saved._unpacked"
ENTRIES: tuple[tuple[str, str, Callable[[], Planted], tuple[str, ...]], ...] = (
    ("saved_copied", "a saved value is given out as a copy", replaced("_saved", "Saved.tensor_for", _copied),
     ("saved.prefixed-attributes", "saved.output-is-distinct-object")),
    ("results_unpacked", "saved results don't pass through the hooks", replaced("_saved", PACK, _results_unpacked),
     ("saved.default-hooks-pack-every-save", "saved.pack-called-once")),
    ("unpacked_once", "unpack runs once for a saved value", replaced("_saved", UNPACKED, _unpacked_once),
     ("saved.unpack-on-access-and-backward",)),
    ("packed_twice", "pack runs twice", replaced("_saved", PACK, _packed_twice),
     ("saved.pack-called-once", "saved.default-hooks-pack-every-save", "saved.custom-function-packs")),
    ("unpacked_any", "unpack may return anything", replaced("_saved", UNPACKED, _any_type),
     ("saved.unpack-must-return-tensor",)),
    ("packed_ignored", "a pass uses the value, not what unpack gives", replaced("_saved", PACK, _remembered),
     ("saved.unpack-value-used", "saved.unpack-applies-after-exit", "saved.register-hooks-on-saved-tensor")),
    ("packed_tensors_only", "what pack returns must be a tensor", replaced("_saved", PACK, _stringly),
     ("saved.pack-may-return-anything",)),
    ("unpacked_historyless", "what unpack returns stays without history",
     replaced("_saved", "Saved._restored", _historyless), ("saved.metadata-restored",)),
    ("packed_detached", "pack is given a tensor without history", replaced("_saved", PACK, _detached),
     ("saved.default-pack-input-live",)),
    ("packed_copy", "pack may write its input", replaced("_saved", PACK, _written), ("saved.pack-inplace-error",)),
    ("outermost_hooks", "the outermost pair of hooks is used", _outer_hooks, ("saved.nested-innermost-only",)),
    ("hooksinherited", "a thread starts with its parent's saved-tensor hooks", inherited("saved_hooks"),
     ("saved.hooks-thread-local",)),
    ("modesinherited", "a thread starts with its parent's modes", inherited("grad", "inference"),
     ("mode.no-grad-thread-local", "mode.inference-thread-local")),
    ("hooks_not_disabled", "disable_saved_tensors_hooks does nothing",
     replaced("autograd.graph", "disable_saved_tensors_hooks", _enabled), ("saved.disable-context",)),
    ("cpu_rounded", "save_on_cpu keeps half precision", replaced("autograd.saved", "save_on_cpu.__init__", _rounded),
     ("saved.save-on-cpu-noop-on-cpu",)),
    ("both_operands", "a product saves both operands, whichever needs a gradient", _always_both,
     ("saved.only-needed-tensors-saved",)),
    ("always_recording", "no_grad does nothing", replaced("_modes", "no_grad.__enter__", _recording_always),
     ("saved.no-save-under-no-grad", "mode.no-grad-not-recorded", "mode.no-grad-outputs-usable-later",
      "mode.no-grad-inplace-on-leaf", "mode.nesting", "mode.is-grad-enabled")),
    ("packed_versioned", "a packed value is checked for writes", replaced("_saved", PACK, _version_checked),
     ("saved.unpack-version-check-skipped",)),
    ("unpacked_shape", "the shape that unpack returns is checked", replaced("_saved", PACK, _shape_checked),
     ("saved.unpack-shape-unchecked",)),
    ("packed_by_operand", "operands are packed in the order of the call", replaced("_saved", PACK, _order_of_operands),
     ("saved.docstring-example-output",)),
    ("registered_late", "register_hooks packs when the value is read",
     replaced("_saved", "SavedTensor.register_hooks", _late), ("saved.register-hooks-on-saved-tensor",)),
    ("registered_again", "register_hooks may be called twice", replaced("_saved", "SavedTensor.register_hooks", _again),
     ("saved.register-hooks-twice-error",)),
    ("registered_after_free", "register_hooks may be called when the value is gone",
     replaced("_saved", "SavedTensor.register_hooks", _after_free), ("saved.register-hooks-after-free-error",)),
    ("unpacked_inside", "unpack is used inside of its block only", replaced("_saved", UNPACKED, _inside_only),
     ("saved.unpack-applies-after-exit", "saved.pack-may-return-anything")),
    ("function_unhooked", "save_for_backward passes the hooks by",
     replaced("autograd.context", "Saved", _function_unhooked), ("saved.custom-function-packs",)),
)  # fmt: skip
FAULTS = tuple(Fault(id, title, SAVED, plant, expects) for id, title, plant, expects in ENTRIES)
