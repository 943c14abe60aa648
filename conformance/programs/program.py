"""Programs as plain data: steps in SSA form by position, each with its stack of modes.

Step ``i`` of a program makes value ``i``; inside a region the parameters come first. Nothing here knows an engine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

MODES = (
    "no_grad",
    "enable_grad",
    "inference_mode",
    "inference_mode:False",
    "set_grad_enabled:True",
    "set_grad_enabled:False",
    "detect_anomaly",
    "detect_anomaly:False",
    "save_on_cpu",
    "saved_hooks_disabled",
    "thread",
    *(
        f"{how}:{mode}"
        for how in ("left", "broken")
        for mode in ("no_grad", "enable_grad", "inference_mode", "set_grad_enabled:True", "set_grad_enabled:False")
    ),
)
"""What a step may run under, outermost first. ``thread``: in a new thread, waited for; ``detect_anomaly:False`` doesn't
look for NaN; ``left`` and ``broken`` modes have been entered and left again, by an exception if broken."""
SAVED_HOOKS = (
    "saved_hooks:identity",
    "saved_hooks:count",
    "saved_hooks:facts",
    "saved_hooks:copy",
    "saved_hooks:raise_pack",
    "saved_hooks:outer",
    "saved_hooks:mode",
    "saved_hooks:detach",
    "saved_hooks:wrapped",
    "saved_hooks:double",
    "saved_hooks:unsqueeze",
    "saved_hooks:grow",
    "saved_hooks:number",
    "saved_hooks:write",
)
SEEDS = ("seed:0", "seed:1", "seed:7", "seed:1234")
"""The generator is seeded before the step."""
FORMS = ("function", "method", "operator", "inplace", "attribute")
HOOK_KINDS = ("tensor", "post_accumulate", "node_pre", "node_post")
HOOK_ACTIONS = (
    "record",
    "double",
    "negate",
    "zero",
    "none",
    "raise",
    "scale_grad",
    "clone",
    "square",
    "resize",
    "retype",
    "number",
    "bare",
    "short",
    "step",
    "mode",
    "thread",
    "look",
)
"""``bare`` and ``short`` give a node's hook's result without its tuple, and a tuple that is too short; ``step`` updates
a leaf and clears its gradient; ``mode``, ``thread`` and ``look`` log gradient mode, whether the hook runs on the
calling thread, and the tensor's ``.grad``."""
MULTI_MODES = ("all", "any", "some")
"""How a MultiHook is registered; engines know no ``some``."""
TRANSFORMS = (
    *("grad", "vjp", "jvp", "vmap", "jacrev", "jacfwd", "hessian", "checkpoint", "function"),
    *("jvp_of_vjp", "vjp_of_jvp"),
)
"""The last two: forward mode over reverse mode, and reverse mode over forward mode."""
FLAGS = ("requires_grad", "requires_grad_", "detach_")
WRITES = ("copy_", "fill_", "zero_", "setitem")
ASPECTS = ("flags", "graph", "version", "layout", "value", "grad", "repr", "modes", "inference", "nodes", "saved")


@dataclass(frozen=True, slots=True)
class Ref:
    """The value that step ``index`` made."""

    index: int


@dataclass(frozen=True, slots=True)
class Slice:
    """``start:stop:step`` in an index."""

    start: int | None
    stop: int | None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Dtype:
    """A dtype by name, as an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Leaf data made from a seed; ``leafdata`` specifies each kind so that any language can restate it."""

    kind: str
    seed: int
    low: float
    high: float


Argument = Any  # Ref | Slice | Dtype | bool | int | float | complex | str | None | Ellipsis | tuple of these
Modes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor made by the user: ``data`` is little-endian bytes in C order of the logical shape, or a pattern."""

    data: bytes | Pattern
    dtype: str
    shape: tuple[int, ...]
    layout: str = "contiguous"
    requires_grad: bool = False
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Call:
    """An operator of the catalogue, by name, in one of the forms it is offered in."""

    op: str
    args: tuple[Argument, ...]
    attrs: tuple[tuple[str, Argument], ...] = ()
    form: str = "function"
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Write:
    """A write that has no out-of-place form: ``copy_``, ``fill_``, ``zero_``, or ``setitem`` (index, value)."""

    target: Ref
    kind: str
    args: tuple[Argument, ...] = ()
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One output of a call, a Grad or a transform that has several."""

    value: Ref
    index: int
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """Sets a flag: ``requires_grad`` (attribute), ``requires_grad_`` or ``detach_`` (methods)."""

    value: Ref
    flag: str
    setting: bool = True
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Hook:
    """Registers a hook whose action is a name; it logs ``tag`` whenever it runs."""

    value: Ref
    kind: str
    action: str
    tag: str
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class MultiHook:
    """Registers one hook on the gradients of several tensors; it logs ``tag`` and what it is given."""

    values: tuple[Ref, ...]
    mode: str
    tag: str
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class RemoveHook:
    """Removes the hook that step ``hook`` registered."""

    hook: Ref
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class RetainGrad:
    value: Ref
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Backward:
    """``backward``: the method when ``form`` is ``method`` (one root), else ``autograd.backward``.

    ``gradients`` is None when not passed; an entry may be None. ``inputs`` likewise.
    """

    roots: tuple[Ref, ...]
    gradients: tuple[Ref | None, ...] | None = None
    inputs: tuple[Ref, ...] | None = None
    retain_graph: bool | None = None
    create_graph: bool = False
    form: str = "method"
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Grad:
    """``autograd.grad``; its value is the tuple of gradients (pick with Item)."""

    outputs: tuple[Ref, ...]
    inputs: tuple[Ref, ...]
    grad_outputs: tuple[Ref | None, ...] | None = None
    retain_graph: bool | None = None
    create_graph: bool = False
    allow_unused: bool | None = None
    materialize_grads: bool = False
    is_grads_batched: bool = False
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class GradOf:
    """Reads ``.grad`` as a value (possibly None)."""

    value: Ref
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class SetGrad:
    """Assigns ``.grad`` (None clears it)."""

    value: Ref
    grad: Ref | None
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """Ends the program's hold on values; the trace says which of them died at once."""

    values: tuple[Ref, ...]
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Observe:
    """Reads facts of a value. A step of its own, because reading acts: ``.grad_fn`` of a written view rebuilds it."""

    value: Ref
    aspects: tuple[str, ...] = ("flags", "graph", "version", "layout", "value")
    modes: Modes = ()


@dataclass(frozen=True, slots=True)
class Region:
    """A function: values ``0 … params-1`` are its parameters, then one value a step; ``results`` are returned."""

    params: int
    steps: tuple[Step, ...]
    results: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Transform:
    """Runs a region through a function transform, ``checkpoint`` or (region None) a custom Function named by rule.

    ``captures`` are outer values that the region's function closes over: they follow the parameters that
    ``args`` fill. Options are explicit (``argnums``, ``in_dims``, ``cotangents``, ``tangents``, ``rule`` …). A custom
    Function takes arguments that are no values, too, and what else is among its options by keyword.
    """

    kind: str
    region: Region | None
    args: tuple[Argument, ...]
    captures: tuple[Ref, ...] = ()
    options: tuple[tuple[str, Argument], ...] = ()
    modes: Modes = ()


Step = (
    Leaf
    | Call
    | Write
    | Item
    | Flag
    | Hook
    | MultiHook
    | RemoveHook
    | RetainGrad
    | Backward
    | Grad
    | GradOf
    | SetGrad
    | Drop
    | Observe
    | Transform
)


@dataclass(frozen=True, slots=True)
class Program:
    """A tuple of steps. ``digest`` names it wherever it is written down."""

    steps: tuple[Step, ...]
    note: str = field(default="", compare=False)

    def canonical(self) -> str:
        """The canonical JSON: keys sorted, no spaces, every field present."""
        from .codec import encode_program

        return json.dumps(encode_program(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def structure(self) -> str:
        """The program without its leaves' data: what a compiler sees."""
        return repr([replace(step, data=b"") if isinstance(step, Leaf) else step for step in self.steps])

    def digest(self) -> str:
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def _repr_html_(self) -> str:
        from .notebook import program_html

        return program_html(self)


def refs(value: Any) -> Iterator[Ref]:
    """Every Ref in an argument."""
    if type(value) is Ref:
        yield value
    elif type(value) is tuple:
        for part in value:
            yield from refs(part)
