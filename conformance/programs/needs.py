"""What a program needs of an engine, computed from its steps alone."""

from __future__ import annotations

from collections.abc import Iterator

from .program import (
    Backward,
    Call,
    Drop,
    Flag,
    Grad,
    GradOf,
    Hook,
    Leaf,
    MultiHook,
    Observe,
    Program,
    Region,
    RemoveHook,
    RetainGrad,
    SetGrad,
    Step,
    Transform,
    Write,
)

CAPABILITIES = frozenset(
    (
        "op:*",
        "dtype:*",
        "transform:*",
        "backward",
        "vjp",
        "grad",
        "grad-attribute",
        "retain-grad",
        "hooks",
        "node-hooks",
        "saved-hooks",
        "lifetime",
        "flags",
        "modes",
        "inference",
        "inplace",
        "double",
        "graph",
        "version",
        "layout",
        "repr",
        "anomaly",
        "threads",
        "random",
    )
)
"""What ``needs`` may ask for; ``kind:*`` stands for all of a kind."""

_STEP_NEEDS: dict[type, str] = {
    Backward: "backward",
    GradOf: "backward",
    SetGrad: "grad-attribute",
    RetainGrad: "retain-grad",
    MultiHook: "hooks",
    RemoveHook: "hooks",
    Drop: "lifetime",
    Write: "inplace",
    Flag: "flags",
}


_MODE_NEEDS = {
    "saved_hooks": "saved-hooks",
    "save_on_cpu": "saved-hooks",
    "saved_hooks_disabled": "saved-hooks",
    "inference_mode": "inference",
    "detect_anomaly": "anomaly",
    "thread": "threads",
    "seed": "random",
}
_DERIVATIVES = frozenset(("grad", "vjp", "jvp", "jacrev", "jacfwd", "hessian"))
_ASPECT_NEEDS = {"nodes": "graph", "saved": "graph"}


def needs(program: Program | Region) -> frozenset[str]:
    """The capabilities an engine needs to run a program, from its steps alone.

    ``vjp`` (value and vector-Jacobian product of a function) is enough where derivatives are taken with explicit
    cotangents and no state is read; ``backward`` and ``grad`` ask for a tape. An Observe of the value may name
    further facts: those are compared where claimed. Without ``value`` it asks for them.
    """
    found: set[str] = set()
    for step in program.steps:
        found.update(_step_needs(step))
    if "backward" in found and _is_pure(program):
        found.remove("backward")
        found.add("vjp")
    return frozenset(found)


def _is_pure(program: Program | Region) -> bool:
    """One backward pass, all its cotangents given, nothing read from ``.grad``."""
    backwards = [step for step in program.steps if isinstance(step, Backward)]
    plain = all(s.gradients and None not in s.gradients and not s.create_graph and not s.inputs for s in backwards)
    return len(backwards) == 1 and plain and not any(isinstance(s, (GradOf, SetGrad)) for s in program.steps)


def _differentiates(step: Step) -> bool:
    """Whether a step of a region takes a derivative, so that a derivative of the region is a second one."""
    if isinstance(step, Transform):
        inner = step.region is not None and any(map(_differentiates, step.region.steps))
        return step.kind in _DERIVATIVES or inner
    return isinstance(step, (Backward, Grad))


def _step_needs(step: Step) -> Iterator[str]:
    for mode in step.modes:
        yield _MODE_NEEDS.get(mode.removeprefix("left:").removeprefix("broken:").partition(":")[0], "modes")
    kind = type(step)
    if kind in _STEP_NEEDS:
        yield _STEP_NEEDS[kind]
    if isinstance(step, Leaf):
        yield f"dtype:{step.dtype}"
    elif isinstance(step, Call):
        yield f"op:{step.op}"
        if step.form == "inplace":
            yield "inplace"
    elif isinstance(step, Hook):
        yield "hooks" if step.kind in ("tensor", "post_accumulate") else "node-hooks"
        if step.action == "thread":
            yield "threads"
    elif isinstance(step, Observe):
        yield from () if "value" in step.aspects else (_ASPECT_NEEDS.get(a, a) for a in step.aspects if a != "grad")
    elif isinstance(step, Transform):
        yield f"transform:{step.kind}"
        if step.region is not None:
            yield from needs(step.region)
            if step.kind in _DERIVATIVES and any(map(_differentiates, step.region.steps)):
                yield "double"
    elif isinstance(step, Grad):
        pure = step.grad_outputs and None not in step.grad_outputs and not step.is_grads_batched
        yield "vjp" if pure else "grad"
    if isinstance(step, (Backward, Grad)) and step.create_graph:
        yield "double"
