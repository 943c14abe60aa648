"""Systematic faults of the engine: every part of a pass, planted wrong in every way that its kind allows.

Each is a wrapper of one function of refgrad, listed with the class that it stands for; ids are ``sys/engine/<name>``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fault import Fault
from .gradients import (
    Change,
    accumulating,
    aliased,
    arriving,
    fresh,
    keeps_history,
    loses_history,
    replacing_where,
)
from .planting import Planted, part, replaced


def _times(factor: float) -> Callable[[Any], Any]:
    return lambda g: None if g is None else g * factor


def _nothing(sound: Any) -> Any:
    return lambda *args, **options: None


def _twice(sound: Any) -> Any:
    """Does it once more with the same arguments."""

    def again(*args: Any, **options: Any) -> Any:
        sound(*args, **options)
        return sound(*args, **options)

    return again


# Order and dependencies.


def _reversed_heap(sound: Any) -> Any:
    """The oldest ready node runs first."""
    return lambda self: self.nodes.pop(min(range(len(self.nodes)), key=lambda k: self.nodes[k].sequence))


def _queue(sound: Any) -> Any:
    """Nodes run in the order in which they became ready."""
    return lambda self: self.nodes.pop(0)


def _stack(sound: Any) -> Any:
    """The node that became ready last runs first."""
    return lambda self: self.nodes.pop()


def _counted(change: Callable[[int], int]) -> Change:
    """Dependencies miscounted where a node has several."""

    def around(sound: Any) -> Any:
        def count(roots: Any) -> dict[Any, int]:
            return {node: change(n) if n > 1 else n for node, n in sound(roots).items()}

        return count

    return around


def _counted_by_node(sound: Any) -> Any:
    """Each consumer counts once, however many of its edges lead to the node."""

    def count(roots: Any) -> dict[Any, int]:
        found = sound(roots)
        for consumer in (*found, *roots):
            several = [e[0] for e in consumer.edges if e is not None]
            for node in set(several):
                found[node] = max(1, found[node] - (several.count(node) - 1))
        return found

    return count


# What a pass leaves behind.


def _released_early(sound: Any) -> Any:
    """Saved values are freed although the graph is retained."""

    def apply(self: Any, cotangents: Any, live: bool) -> Any:
        found = sound(self, cotangents, live)
        self.release()
        return found

    return apply


def _released_before(sound: Any) -> Any:
    """Saved values are freed before the rule has run, where it runs again."""

    def apply(self: Any, cotangents: Any, live: bool) -> Any:
        if self.metadata.get("ran"):
            self.release()
        self.metadata["ran"] = True
        return sound(self, cotangents, live)

    return apply


def _mode(value: bool) -> Change:
    """Rules of a pass run with grad mode so, whatever was asked for."""

    def around(sound: Any) -> Any:
        def run(task: Any) -> None:
            state = part("_modes").state
            before, state.grad = state.grad, value
            try:
                sound(task)
            finally:
                state.grad = before

        return run

    return around


def _executing(**changed: Any) -> Change:
    """``execute`` with some of its arguments replaced."""
    names = ("roots", "seeds", "keep", "create_graph", "inputs", "capture", "owners")

    def around(sound: Any) -> Any:
        return lambda *args, **options: sound(**{**dict(zip(names, args)), **options, **changed})

    return around


def _leaked(sound: Any) -> Any:
    """Modes stay as a failing pass left them."""

    def execute(*args: Any, **options: Any) -> Any:
        try:
            return sound(*args, **options)
        except Exception:
            part("_modes").state.grad = False
            raise

    return execute


def _left_by_errors(sound: Any) -> Any:
    """A mode is not restored when its block ends by an exception."""
    return lambda self, kind, error, trace: sound(self, kind, error, trace) if kind is None else None


def _never_left(sound: Any) -> Any:
    return lambda self, kind, error, trace: None


# Hooks.


def _last_hook_only(sound: Any) -> Any:
    def run(registered: Any, g: Any, live: bool) -> Any:
        kept = type(registered)(list(registered.items())[-1:]) if hasattr(registered, "items") else registered
        return sound(kept, g, live)

    return run


def _reversed_hooks(sound: Any) -> Any:
    def run(registered: Any, g: Any, live: bool) -> Any:
        turned = type(registered)(reversed(registered.items())) if hasattr(registered, "items") else registered
        return sound(turned, g, live)

    return run


def _result_ignored(place: int) -> Change:
    """Hooks run, and what they return counts for nothing."""

    def around(sound: Any) -> Any:
        def run(*args: Any) -> Any:
            sound(*args)
            return args[place]

        return run

    return around


def _skipped(place: int) -> Change:
    return lambda sound: lambda *args: args[place]


# Flags and versions.


def _bumped(by: int) -> Change:
    def around(sound: Any) -> Any:
        def store(t: Any, values: Any) -> None:
            sound(t, values)
            if t._cell is not None:
                t._cell[0] += by

        return store

    return around


def _keeps_needing(sound: Any) -> Any:
    """detach() gives a tensor that requires grad."""

    def detach(self: Any) -> Any:
        made = sound(self)
        if self._needs and made._array.dtype.kind in "fc":
            made._needs = True
        return made

    return detach


EXECUTE = ("autograd.backward", "execute")
E_, A_, H_, M_ = "_engine", "_accumulate", "_hooks", "_modes"
ENTRIES: tuple[tuple[str, str, str, Callable[[], Planted]], ...] = (
    ("arrival-replaced", "accumulation", "the last use's cotangent alone counts",
     replaced(E_, "_arrive", arriving(lambda before, g, total: g))),
    ("arrival-first", "accumulation", "the first use's cotangent alone counts",
     replaced(E_, "_arrive", arriving(lambda before, g, total: before))),
    ("arrival-negated", "accumulation", "further uses are subtracted",
     replaced(E_, "_arrive", arriving(lambda before, g, total: before - g))),
    ("arrival-averaged", "accumulation", "uses are averaged",
     replaced(E_, "_arrive", arriving(lambda before, g, total: total * 0.5))),
    ("arrival-off", "accumulation", "sums of uses are too large by 10⁻⁶ of themselves",
     replaced(E_, "_arrive", arriving(lambda before, g, total: total * (1 + 1e-6)))),
    ("accumulation-replaced", "accumulation", "a pass overwrites .grad",
     replaced(A_, "accumulate", replacing_where(lambda live: True))),
    ("accumulation-replaced-live", "accumulation", "a recorded pass overwrites .grad",
     replaced(A_, "accumulate", replacing_where(lambda live: live))),
    ("accumulation-replaced-plain", "accumulation", "a pass that isn't recorded overwrites .grad",
     replaced(A_, "accumulate", replacing_where(lambda live: not live))),
    ("accumulation-doubled", "accumulation", "what is added to .grad is doubled",
     replaced(A_, "accumulate", accumulating(lambda v, g, first: g if first else g * 2))),
    ("accumulation-negated", "accumulation", "what is added to .grad is subtracted",
     replaced(A_, "accumulate", accumulating(lambda v, g, first: g if first else g * -1))),
    ("accumulation-lost", "accumulation", "the first gradient is zero",
     replaced(A_, "accumulate", accumulating(lambda v, g, first: g * 0 if first else g))),
    ("accumulation-twice", "accumulation", "a leaf's cotangent is added twice", replaced(A_, "accumulate", _twice)),
    ("accumulation-none", "accumulation", "leaves get no gradient", replaced(A_, "accumulate", _nothing)),
    ("accumulation-fresh", "accumulation", ".grad is another tensor after each pass",
     replaced(A_, "accumulate", fresh)),
    ("grad-aliased", "aliasing", ".grad is the cotangent's memory", replaced(A_, "accumulate", aliased)),
    ("grad-tracked", "requires_grad", ".grad requires grad without create_graph",
     replaced(A_, "accumulate", keeps_history)),
    ("grad-untracked", "requires_grad", ".grad requires no grad with create_graph",
     replaced(A_, "accumulate", loses_history)),
    ("order-reversed", "order", "the oldest ready node runs first", replaced("_ready", "ReadyHeap.pop", _reversed_heap)),
    ("order-queued", "order", "nodes run in the order in which they become ready",
     replaced("_ready", "ReadyHeap.pop", _queue)),
    ("order-stacked", "order", "the node that became ready last runs first",
     replaced("_ready", "ReadyHeap.pop", _stack)),
    ("dependency-missed", "dependencies", "one dependency of several is not counted",
     replaced(E_, "count_dependencies", _counted(lambda n: n - 1))),
    ("dependency-added", "dependencies", "one dependency too many is counted",
     replaced(E_, "count_dependencies", _counted(lambda n: n + 1))),
    ("dependency-one", "dependencies", "a node runs at its first cotangent",
     replaced(E_, "count_dependencies", _counted(lambda n: 1))),
    ("dependency-by-node", "dependencies", "two edges from one node count once",
     replaced(E_, "count_dependencies", _counted_by_node)),
    ("buffers-kept", "buffers", "saved values are never freed", replaced("_record", "RowNode.release", _nothing)),
    ("buffers-freed-soon", "buffers", "saved values are freed though the graph is retained",
     replaced("_record", "RowNode.apply", _released_early)),
    ("buffers-freed-before", "buffers", "a node's second run finds nothing saved",
     replaced("_record", "RowNode.apply", _released_before)),
    ("graph-always-kept", "buffers", "retain_graph is taken for True", replaced(*EXECUTE, _executing(keep=True))),
    ("graph-never-kept", "buffers", "retain_graph is taken for False",
     replaced(*EXECUTE, _executing(keep=False))),
    ("always-recorded", "requires_grad", "create_graph is taken for True",
     replaced(*EXECUTE, _executing(create_graph=True))),
    ("never-recorded", "requires_grad", "create_graph is taken for False",
     replaced(*EXECUTE, _executing(create_graph=False))),
    ("inputs-ignored", "requires_grad", "a pass accumulates into every leaf whatever `inputs` names",
     replaced(*EXECUTE, lambda sound: lambda roots, seeds, keep, create, inputs=None, capture=False, owners=None:
              sound(roots, seeds, keep, create, inputs if capture else None, capture, owners))),
    ("pass-off", "modes", "rules of every pass run with grad mode off", replaced(E_, "_run", _mode(False))),
    ("pass-on", "modes", "rules of every pass run with grad mode on", replaced(E_, "_run", _mode(True))),
    ("pass-leaks", "modes", "a failing pass leaves grad mode off", replaced(*EXECUTE, _leaked)),
    ("grad-mode-leaks", "modes", "grad mode is not restored after an exception",
     replaced(M_, "_GradMode.__exit__", _left_by_errors)),
    ("inference-leaks", "modes", "inference mode is not restored after an exception",
     replaced(M_, "inference_mode.__exit__", _left_by_errors)),
    ("setting-leaks", "modes", "a setting is not restored after an exception",
     replaced(M_, "_Setting.__exit__", _left_by_errors)),
    ("grad-mode-stays", "modes", "grad mode is not restored", replaced(M_, "_GradMode.__exit__", _never_left)),
    ("inference-stays", "modes", "inference mode is not restored",
     replaced(M_, "inference_mode.__exit__", _never_left)),
    ("setting-stays", "modes", "a setting is not restored", replaced(M_, "_Setting.__exit__", _never_left)),
    ("hooks-skipped", "hooks", "tensor hooks do not run", replaced(H_, "_tensor_hooks", _skipped(1))),
    ("hooks-doubled", "hooks", "tensor hooks run twice", replaced(H_, "_tensor_hooks", _twice)),
    ("hooks-ignored", "hooks", "what tensor hooks return is ignored",
     replaced(H_, "_tensor_hooks", _result_ignored(1))),
    ("hooks-reversed", "hooks", "tensor hooks run last to first", replaced(H_, "_tensor_hooks", _reversed_hooks)),
    ("hooks-last", "hooks", "of several tensor hooks the last alone runs",
     replaced(H_, "_tensor_hooks", _last_hook_only)),
    ("prehooks-skipped", "hooks", "nodes' pre-hooks do not run", replaced(E_, "run_pre_hooks", _skipped(1))),
    ("prehooks-doubled", "hooks", "nodes' pre-hooks run twice", replaced(E_, "run_pre_hooks", _twice)),
    ("prehooks-ignored", "hooks", "what pre-hooks return is ignored",
     replaced(E_, "run_pre_hooks", _result_ignored(1))),
    ("posthooks-skipped", "hooks", "nodes' hooks do not run", replaced(E_, "run_post_hooks", _skipped(2))),
    ("posthooks-doubled", "hooks", "nodes' hooks run twice", replaced(E_, "run_post_hooks", _twice)),
    ("posthooks-ignored", "hooks", "what nodes' hooks return is ignored",
     replaced(E_, "run_post_hooks", _result_ignored(2))),
    ("leaf-hooks-skipped", "hooks", "post-accumulate hooks do not run",
     replaced("_graph", "run_post_accumulate", _nothing)),
    ("leaf-hooks-doubled", "hooks", "post-accumulate hooks run twice",
     replaced("_graph", "run_post_accumulate", _twice)),
    ("retained-lost", "hooks", "retain_grad keeps nothing", replaced(H_, "_retain", _nothing)),
    ("version-unbumped", "versions", "writes do not bump the version", replaced("_inplace", "store", _bumped(-1))),
    ("version-overbumped", "versions", "writes bump the version twice", replaced("_inplace", "store", _bumped(1))),
    ("version-unchecked", "versions", "versions of saved values are not checked",
     replaced("_saved", "Saved.check", _nothing)),
    ("detach-tracked", "requires_grad", "detach() gives what requires grad",
     replaced("_tensor", "Tensor.detach", _keeps_needing)),
)  # fmt: skip
EXPECTS = {
    "accumulation": ("backward.", "layout.", "leaf.", "language"),
    "aliasing": ("layout.", "backward.", "language"),
    "requires_grad": ("grad.", "backward.", "leaf.", "double.", "history.", "language"),
    "order": ("node.", "thook.", "language"),
    "dependencies": ("backward.", "grad.", "language"),
    "buffers": ("retain.", "saved.", "language"),
    "modes": ("mode.", "error.", "language"),
    "hooks": ("thook.", "node.", "pahook.", "retain.", "language"),
    "versions": ("inplace.", "view.", "saved.", "language"),
}
"""By class, the areas whose clauses a reader would expect to catch it; whole-language programs catch the most."""
FAULTS = {
    f"sys/engine/{name}": Fault(f"sys/engine/{name}", f"engine: {title}", f"engine: {kind}", plant, EXPECTS[kind])
    for name, kind, title, plant in ENTRIES
}
"""Every systematic fault of the engine by id."""
