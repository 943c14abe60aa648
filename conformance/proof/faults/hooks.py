"""Faults of hooks and of what nodes say of themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .fault import Fault
from .planting import Planted, part, replaced

HOOK, NODE = "hook order", "graph"


def _nothing(sound: Any) -> Any:
    return lambda *args: None


def _reversed(sound: Any) -> Any:
    return lambda hooks, g, live: sound(OrderedDict(reversed(hooks.items())), g, live)


def _prehooks_reversed(sound: Any) -> Any:
    def run(node: Any, *args: Any) -> Any:
        node.hooks.pre = OrderedDict(reversed(node.hooks.pre.items()))
        return sound(node, *args)

    return run


def _unrefused(sound: Any) -> Any:
    """Registers nowhere what should be refused."""

    def register(self: Any, hook: Any) -> Any:
        try:
            return sound(self, hook)
        except RuntimeError:
            return part("_graph").add_hook(OrderedDict(), hook)

    return register


def _as_found(sound: Any) -> Any:
    """What a node's hook returned, made into a tuple of the right length."""

    def checked(hook: Any, before: Any, found: Any) -> Any:
        given = found if isinstance(found, tuple) else (found,)
        return (*given, *before[len(given) :])

    return checked


def _everywhere(sound: Any) -> Any:
    def aim(task: Any, roots: Any, *args: Any) -> None:
        sound(task, roots, *args)
        task.needed.update(task.waiting, [node for node, _ in roots])

    return aim


def _retained_first(sound: Any) -> Any:
    def run(node: Any, slots: Any, live: bool) -> Any:
        for nr, reference in (node.hooks.retains if node.hooks else {}).items():
            part("_hooks")._retain(reference(), slots[nr], live)
        kept, node_hooks = dict(node.hooks.retains) if node.hooks else {}, node.hooks
        if node_hooks:
            node_hooks.retains = {}
        try:
            return sound(node, slots, live)
        finally:
            if node_hooks:
                node_hooks.retains = kept

    return run


def _pre_hooks_first() -> Planted:
    """Pre-hooks run before the tensors' own hooks."""
    engine, hooks = part("_engine"), part("_hooks")

    def both(node: Any, slots: Any, live: bool) -> Any:
        if node.hooks is not None and node.hooks.pre:
            slots = hooks.run_pre_hooks(node, slots, live)
        return hooks.run_tensor_hooks(node, slots, live)

    changes = [(engine, "run_tensor_hooks", both), (engine, "run_pre_hooks", lambda node, slots, live: slots)]
    return Planted(changes)


def _hooks_move(sound: Any) -> Any:
    """A write takes the tensor's hooks along to the new value."""

    def move(t: Any, node: Any, nr: int, before: Any = None) -> None:
        sound(t, node, nr, before)
        old = (before or t._edge or (None, 0))[0]
        if old is not None and old is not node and old.hooks is not None and old.hooks.tensor:
            part("_graph").node_hooks(node).tensor.update(old.hooks.tensor)
            old.hooks.tensor = {}

    return move


def _not_during_pass(sound: Any) -> Any:
    def register(self: Any, hook: Any) -> Any:
        if part("_modes").state.executing:
            return part("_graph").add_hook(OrderedDict(), hook)
        return sound(self, hook)

    return register


def _constant_gradients(sound: Any) -> Any:
    return lambda g, live: sound(g.detach() if g is not None and live else g, live)


def _other_mode(sound: Any) -> Any:
    def register(tensors: Any, fn: Any, *, mode: str = "all") -> Any:
        return sound(tensors, fn, mode="any" if mode == "all" else "all")

    return register


def _hooks_before(sound: Any) -> Any:
    def apply(self: Any, cotangents: Any, live: bool) -> Any:
        rare = self.variable._extra
        if rare is None or not rare.post_accumulate:
            return sound(self, cotangents, live)
        part("_graph").run_post_accumulate(self.variable)
        hooks, rare.post_accumulate = rare.post_accumulate, None
        try:
            return sound(self, cotangents, live)
        finally:
            rare.post_accumulate = hooks

    return apply


def _recording(sound: Any) -> Any:
    def run(variable: Any) -> None:
        with part("_modes").enable_grad():
            sound(variable)

    return run


def _unchecked(sound: Any) -> Any:
    def run(variable: Any) -> None:
        for hook in list(variable._extra.post_accumulate.values()):
            hook(variable)

    return run


def _fired_by_grad(sound: Any) -> Any:
    def capture(self: Any, node: Any, slots: Any) -> None:
        sound(self, node, slots)
        variable = getattr(node, "variable", None)
        if variable is not None and variable._extra is not None and variable._extra.post_accumulate:
            part("_graph").run_post_accumulate(variable)

    return capture


def _unskipped(sound: Any) -> Any:
    """Post-hooks find zeros where there is no gradient."""

    def run(node: Any, slots: Any, results: Any, live: bool) -> Any:
        zero = part("_tensor").plain
        filled = tuple(zero(part("_hooks").np.zeros(1)) if g is None else g for g in results)
        sound(node, slots, filled, live)
        return results

    return run


def _oldest_first(sound: Any) -> Any:
    def pop(self: Any) -> Any:
        found = min(self.nodes, key=lambda node: node.sequence)
        self.nodes.remove(found)
        return found

    return pop


def _nowhere(sound: Any) -> Any:
    def edge(t: Any) -> Any:
        found = sound(t)
        return type(found)(found.node, 0, None)

    return edge


def _anew(sound: Any) -> Any:
    """A new AccumulateGrad for every use of a leaf."""

    def edge(t: Any) -> Any:
        part("_tensor").extra(t).accumulator = None
        return sound(t)

    return edge


def _only_nodes(sound: Any) -> Any:
    return property(lambda self: tuple(edge for edge in self.edges if edge is not None))


def _forgetful(sound: Any) -> Any:
    return property(lambda self: {})


def _copied_variable(sound: Any) -> Any:
    return property(lambda self: tuple((None, 0) if e is None else (_Stranger(e[0]), e[1]) for e in self.edges))


class _Stranger:
    """A node behind another face."""

    def __init__(self, node: Any) -> None:
        self.node, self.variable = node, object()

    def name(self) -> str:
        return self.node.name()


def _zero_output(sound: Any) -> Any:
    return property(lambda self: 0)


def _not_differentiated(sound: Any) -> Any:
    return lambda self, *grads: grads


def _refusing_none(sound: Any) -> Any:
    def edge(t: Any) -> Any:
        try:
            return sound(t)
        except RuntimeError:
            return None

    return edge


def _another_class(sound: Any) -> Any:
    return part("_graph").AccumulateGrad


def _listed(name: str) -> Callable[[], Planted]:
    """A name of another version is there."""
    return lambda: Planted([(part("autograd.graph"), name, lambda fn: None)])


def _wrong_matrix(sound: Any) -> Any:
    return lambda *args, **options: tuple(m * 2 for m in sound(*args, **options))


ENTRIES: tuple[tuple[str, str, str, Callable[[], Planted], tuple[str, ...]], ...] = (
    ("hooks_reversed", "tensor hooks run newest first", HOOK, replaced("_hooks", "_tensor_hooks", _reversed),
     ("thook.order-of-registration",)),
    ("prehooks_reversed", "node pre-hooks run newest first", HOOK,
     replaced("_engine", "run_pre_hooks", _prehooks_reversed), ("node.prehooks-run-in-order",)),
    ("handle_keeps", "remove() of a hook's handle does nothing", HOOK,
     replaced("_graph", "RemovableHandle.remove", _nothing),
     ("thook.handle-remove", "thook.handle-context-manager", "thook.multi-grad-remove",
      "thook.module-full-backward-hook", "pahook.registration-order-and-remove")),
    ("hook_unrefused", "a hook may be registered on a constant", "error missing",
     replaced("_tensor", "Tensor.register_hook", _unrefused), ("thook.requires-grad-needed",)),
    ("pahook_unrefused", "a post-accumulate hook may be registered on any tensor", "error missing",
     replaced("_tensor", "Tensor.register_post_accumulate_grad_hook", _unrefused),
     ("pahook.nonleaf-error", "pahook.requires-grad-error")),
    ("replacement_unchecked", "what a tensor hook returns isn't checked", "error missing",
     replaced("_hooks", "check_replacement", _nothing),
     ("thook.shape-change-error", "thook.dtype-change-error", "thook.nontensor-return-error")),
    ("tuple_unchecked", "what a node's hook returns isn't checked", "error missing",
     replaced("_hooks", "checked_tuple", _as_found), ("node.hook-return-length-error", "node.hook-return-type-error")),
    ("aim_ignored", "every node runs, whatever the inputs asked for", HOOK, replaced("_engine", "_aim", _everywhere),
     ("thook.not-fired-when-not-needed", "node.hooks-fire-only-if-executed", "node.grad-does-not-run-input-node",
      "thook.fires-for-grad-inputs", "pahook.not-fired-for-excluded-leaf")),
    ("retained_first", "retain_grad stores before the tensor hooks ran", HOOK,
     replaced("_engine", "run_tensor_hooks", _retained_first), ("thook.retain-grad-after-hooks", "node.order-observed")),
    ("pre_hooks_first", "node pre-hooks run before tensor hooks and the store of retain_grad", HOOK, _pre_hooks_first,
     ("thook.before-node-prehook", "node.order-accumulate", "node.order-observed", "node.order-full")),
    ("hooks_move", "a write takes the tensor's hooks along", HOOK, replaced("_views", "move_retained", _hooks_move),
     ("thook.inplace-bound-to-old-grad-fn", "thook.inplace-registered-after")),
    ("retained_stays", "a write leaves the retained gradient with the old value", HOOK,
     replaced("_views", "move_retained", _nothing), ("thook.retain-grad-inplace-moves",)),
    ("not_during_pass", "a hook registered in a pass is lost", HOOK,
     replaced("_tensor", "Tensor.register_hook", _not_during_pass), ("thook.register-during-backward",)),
    ("hooks_constant", "what a hook computes under create_graph is a constant", HOOK,
     replaced("_hooks", "taken", _constant_gradients), ("thook.double-backward-hooks-differentiable",)),
    ("multi_mode_swapped", "'all' and 'any' are swapped", HOOK,
     replaced("autograd.graph", "register_multi_grad_hook", _other_mode),
     ("thook.multi-grad-all", "thook.multi-grad-any", "thook.multi-grad-remove")),
    ("module_hook_skipped", "a module's full backward hook doesn't run", HOOK,
     replaced("nn.backward_hook", "BackwardHook._run", _nothing), ("thook.module-full-backward-hook",)),
    ("pahook_before", "post-accumulate hooks run before the accumulation", HOOK,
     replaced("_graph", "AccumulateGrad.apply", _hooks_before),
     ("pahook.called-after-accumulation", "pahook.after-tensor-hooks", "node.order-accumulate")),
    ("pahook_skipped", "post-accumulate hooks don't run", HOOK, replaced("_graph", "run_post_accumulate", _nothing),
     ("pahook.may-modify-in-place", "pahook.once-per-backward", "pahook.registration-order-and-remove",
      "pahook.not-fired-for-excluded-leaf", "pahook.called-after-accumulation", "pahook.after-tensor-hooks")),
    ("pahook_recording", "post-accumulate hooks run with gradient mode on", "mode leak",
     replaced("_graph", "run_post_accumulate", _recording), ("pahook.no-grad-mode", "mode.backward-body-grad-mode")),
    ("pahook_unchecked", "a post-accumulate hook may return anything", "error missing",
     replaced("_graph", "run_post_accumulate", _unchecked), ("pahook.return-must-be-none",)),
    ("pahook_fired_by_grad", "grad runs post-accumulate hooks", HOOK,
     replaced("_engine", "Task.capture", _fired_by_grad), ("pahook.not-fired-by-grad",)),
    ("post_hooks_skipped", "node post-hooks don't run", HOOK,
     replaced("_engine", "run_post_hooks", lambda sound: lambda node, slots, results, live: results),
     ("node.post-hook-signature", "node.hook-grad-inputs-none", "node.order-of-execution-reverse")),
    ("pre_hooks_skipped", "node pre-hooks don't run", HOOK,
     replaced("_engine", "run_pre_hooks", lambda sound: lambda node, slots, live: slots), ("node.prehook-signature",)),
    ("post_hooks_zeros", "post-hooks find zeros for missing gradients", HOOK,
     replaced("_engine", "run_post_hooks", _unskipped), ("node.hook-grad-inputs-none", "node.backward-runs-input-node")),
    ("oldest_first", "the oldest ready node runs first", HOOK, replaced("_ready", "ReadyHeap.pop", _oldest_first),
     ("node.order-of-execution-reverse",)),
    ("nameless", "every node is called Node", NODE, replaced("_record", "RowNode.name", lambda s: lambda self: "Node"),
     ("node.name",)),
    ("metadata_lost", "a node's metadata is a new dict at each reading", NODE,
     replaced("_graph", "Node.metadata", _forgetful), ("node.metadata-dict",)),
    ("edges_without_none", "next_functions leaves out inputs that need no gradient", NODE,
     replaced("_graph", "Node.next_functions", _only_nodes), ("node.next-functions",)),
    ("variable_lost", "a leaf's node doesn't know its leaf", NODE,
     replaced("_graph", "Node.next_functions", _copied_variable),
     ("node.accumulate-grad-variable", "node.same-object-identity")),
    ("accumulator_anew", "each use of a leaf has a node of its own", NODE,
     replaced("_graph", "accumulator_edge", _anew), ("node.accumulate-grad-shared",)),
    ("output_nr_zero", "every tensor is output 0 of its node", NODE,
     replaced("_tensor", "Tensor.output_nr", _zero_output), ("node.output-nr",)),
    ("node_call_identity", "calling a node gives back what it was given", NODE,
     replaced("_graph", "CallableNode.__call__", _not_differentiated), ("node.callable",)),
    ("edge_output_zero", "a gradient edge forgets the output number", NODE,
     replaced("autograd.graph", "get_gradient_edge", _nowhere), ("node.gradient-edge-fields",)),
    ("edge_unrefused", "a constant has a gradient edge, None", "error missing",
     replaced("autograd.graph", "get_gradient_edge", _refusing_none), ("node.gradient-edge-nonrequiring-error",)),
    ("node_class", "Node is a class that most nodes aren't of", NODE,
     replaced("autograd.graph", "Node", _another_class), ("node.isinstance",)),
    ("creation_hook", "there is a node_creation_hook", NODE, _listed("node_creation_hook"), ("node.creation-hook",)),
    ("jacobian_doubled", "get_numerical_jacobian is twice too large", "derivative",
     replaced("autograd.gradcheck", "get_numerical_jacobian", _wrong_matrix), ("node.numerical-jacobian-names",)),
)  # fmt: skip
FAULTS = tuple(Fault(id, title, kind, plant, expects) for id, title, kind, plant, expects in ENTRIES)
