"""Engines broken on purpose: what the suite must catch, and harmless changes that it must not blame.

A `Fault` is one declarative entry: what is planted in refgrad while one program runs, the class it stands for, and the
clauses by which a reader would expect it to fall. `entries()` gives them all.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from .fault import Fault

FAMILIES = (
    "rules",
    "boundaries",
    "ties",
    "orders",
    "engine",
    "tensors",
    "memory",
    "hooks",
    "saving",
    "modes",
    "anomaly",
    "kernels",
    "structure",
    "controls",
)
QUICK = (
    "prod_zero_div",
    "custom_saved_intermediate",
    "bcast_mul",
    "sqdiff_ignores_g_tfnet",
    "one_entry",
    "mse_mixed_dtype",
    "clamp_border0",
    "complex_matmul_tf",
    "mul_chain_tfnet",
    "bcast_mlx_eval",
    "xla_inplace",
    "inplace_paddle_version",
    "hook_partial_oneflow",
    "no_grad_generator_yield",
    "seed_shape_ignored",
    "control_nothing",
    "control_reassociated_sum",
    "control_extended_precision",
    "control_fused_multiply",
    "control_other_tie",
    "control_other_buffers",
)
"""One fault a class, and controls: what a change of the suite is qualified with each time."""


@cache
def entries() -> dict[str, Fault]:
    """Every fault and control by id, in the order of the families' files."""
    found: dict[str, Fault] = {}
    for family in FAMILIES:
        for fault in import_module(f".{family}", __name__).FAULTS:
            if fault.id in found:
                raise ValueError(f"fault {fault.id!r} is there twice")
            found[fault.id] = fault
    return found


def find(id: str) -> Fault:
    """The fault of an id. Raises LookupError naming near ones."""
    if id.startswith("sys/engine/"):
        from .passes import FAULTS

        if id not in FAULTS:
            raise LookupError(f"no fault {id!r}; the engine's are {', '.join(FAULTS)}")
        return FAULTS[id]
    if id.startswith("sys/"):
        from .systematic import systematic_fault

        return systematic_fault(id)
    try:
        return entries()[id]
    except KeyError:
        from difflib import get_close_matches

        near = ", ".join(get_close_matches(id, entries(), 3)) or "none"
        raise LookupError(f"no fault {id!r}; near ids: {near}") from None
