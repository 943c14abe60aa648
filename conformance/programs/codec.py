"""Programs to and from JSON. Reading validates: a stored program is data from outside."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable
from typing import Any

from . import program as p

STEP_NAMES: dict[str, type] = {
    "leaf": p.Leaf,
    "call": p.Call,
    "write": p.Write,
    "item": p.Item,
    "flag": p.Flag,
    "hook": p.Hook,
    "multi_hook": p.MultiHook,
    "remove_hook": p.RemoveHook,
    "retain_grad": p.RetainGrad,
    "backward": p.Backward,
    "grad": p.Grad,
    "grad_of": p.GradOf,
    "set_grad": p.SetGrad,
    "drop": p.Drop,
    "observe": p.Observe,
    "transform": p.Transform,
}
_NAME_OF = {kind: name for name, kind in STEP_NAMES.items()}
_FIELDS = {kind: [f.name for f in dataclasses.fields(kind)] for kind in STEP_NAMES.values()}
MAX_STEPS, MAX_BYTES, MAX_DEPTH = 100_000, 1 << 26, 8


class BadProgram(ValueError):
    """The JSON isn't a program of this format."""


def encode_program(program: p.Program) -> dict[str, Any]:
    return {"format": 1, "steps": [encode_step(step) for step in program.steps]}


def encode_step(step: p.Step) -> dict[str, Any]:
    out: dict[str, Any] = {"step": _NAME_OF[type(step)]}
    for name in _FIELDS[type(step)]:
        out[name] = encode_value(getattr(step, name))
    return out


def encode_value(value: Any) -> Any:
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise BadProgram(f"an argument of type {type(value).__name__} has no JSON form")
    return encoder(value)


def _encode_float(value: float) -> Any:
    # A float keeps its type in JSON: 2.0 must not come back as the int 2.
    return {"float": value.hex() if math.isfinite(value) else repr(value)}


def _encode_region(region: p.Region) -> dict[str, Any]:
    return {
        "region": {
            "params": region.params,
            "steps": [encode_step(step) for step in region.steps],
            "results": [ref.index for ref in region.results],
        }
    }


_ENCODERS: dict[type, Callable[[Any], Any]] = {
    type(None): lambda v: v,
    bool: lambda v: v,
    int: lambda v: v,
    str: lambda v: v,
    float: _encode_float,
    complex: lambda v: {"complex": [_encode_float(v.real)["float"], _encode_float(v.imag)["float"]]},
    tuple: lambda v: [encode_value(part) for part in v],
    bytes: lambda v: {"bytes": base64.b64encode(v).decode()},
    type(Ellipsis): lambda v: {"ellipsis": True},
    p.Ref: lambda v: {"ref": v.index},
    p.Slice: lambda v: {"slice": [v.start, v.stop, v.step]},
    p.Dtype: lambda v: {"dtype": v.name},
    p.Pattern: lambda v: {"pattern": [v.kind, v.seed, v.low.hex(), v.high.hex()]},
    p.Region: _encode_region,
}


def decode_program(data: Any) -> p.Program:
    """A program from its JSON form. Raises BadProgram, naming the step, when anything in it is not as specified."""
    if not isinstance(data, dict) or data.get("format") != 1 or not isinstance(data.get("steps"), list):
        raise BadProgram("not a program of format 1: expected {'format': 1, 'steps': [...]}")
    return p.Program(_decode_steps(data["steps"], 0, 0))


def _decode_steps(items: list[Any], params: int, depth: int) -> tuple[p.Step, ...]:
    if len(items) > MAX_STEPS or depth > MAX_DEPTH:
        raise BadProgram(f"a program has at most {MAX_STEPS} steps and {MAX_DEPTH} nested regions")
    steps: list[p.Step] = []
    for position, item in enumerate(items):
        step = _decode_step(item, position, depth)
        _check_refs(step, params + position)
        steps.append(step)
    return tuple(steps)


def _decode_step(item: Any, position: int, depth: int) -> p.Step:
    kind = STEP_NAMES.get(item.get("step", "")) if isinstance(item, dict) else None
    if kind is None:
        raise BadProgram(f"step {position}: unknown step; the known ones are {', '.join(STEP_NAMES)}")
    names = _FIELDS[kind]
    if set(item) != {"step", *names}:
        raise BadProgram(f"step {position}: a {item['step']} has exactly the fields {', '.join(names)}")
    values = {name: _decode_value(item[name], depth) for name in names}
    step = kind(**values)
    _check_names(step, position)
    return step


def _decode_value(value: Any, depth: int) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is list:
        return tuple(_decode_value(part, depth) for part in value)
    if type(value) is dict and len(value) == 1:
        ((tag, body),) = value.items()
        try:
            return _DECODERS[tag](body, depth)
        except (KeyError, TypeError, ValueError) as error:
            raise BadProgram(f"not a value: {tag!r} ({error})") from None
    raise BadProgram(f"not a value: {str(value)[:60]!r}")


def _decode_float(text: Any) -> float:
    return float(text) if text in ("nan", "inf", "-inf") else float.fromhex(text)


def _decode_ref(body: Any, depth: int) -> p.Ref:
    if type(body) is not int or body < 0:
        raise BadProgram(f"a ref is a step's position, not {body!r}")
    return p.Ref(body)


def _decode_bytes(body: Any, depth: int) -> bytes:
    if len(body) > MAX_BYTES:
        raise BadProgram("leaf data is too large")
    return base64.b64decode(body, validate=True)


def _decode_region(body: Any, depth: int) -> p.Region:
    steps = _decode_steps(body["steps"], body["params"], depth + 1)
    results = tuple(_decode_ref(index, depth) for index in body["results"])
    if any(ref.index >= body["params"] + len(steps) for ref in results):
        raise BadProgram("a region returns a value that it does not make")
    return p.Region(body["params"], steps, results)


def _decode_pattern(body: Any, depth: int) -> p.Pattern:
    kind, seed, low, high = body
    return p.Pattern(str(kind), int(seed), _decode_float(low), _decode_float(high))


_DECODERS: dict[str, Callable[[Any, int], Any]] = {
    "float": lambda body, depth: _decode_float(body),
    "complex": lambda body, depth: complex(_decode_float(body[0]), _decode_float(body[1])),
    "bytes": _decode_bytes,
    "ellipsis": lambda body, depth: ...,
    "ref": _decode_ref,
    "slice": lambda body, depth: p.Slice(*body),
    "dtype": lambda body, depth: p.Dtype(str(body)),
    "pattern": _decode_pattern,
    "region": _decode_region,
}

_CLOSED: dict[tuple[type, str], tuple[str, ...]] = {
    (p.Call, "form"): p.FORMS,
    (p.Write, "kind"): p.WRITES,
    (p.Hook, "kind"): p.HOOK_KINDS,
    (p.Hook, "action"): p.HOOK_ACTIONS,
    (p.MultiHook, "mode"): p.MULTI_MODES,
    (p.Flag, "flag"): p.FLAGS,
    (p.Transform, "kind"): p.TRANSFORMS,
}


def _check_names(step: p.Step, position: int) -> None:
    for (kind, name), allowed in _CLOSED.items():
        if isinstance(step, kind) and getattr(step, name) not in allowed:
            raise BadProgram(f"step {position}: {name} {getattr(step, name)!r} is not one of {', '.join(allowed)}")
    for mode in step.modes:
        if mode not in (*p.MODES, *p.SAVED_HOOKS, *p.SEEDS):
            raise BadProgram(f"step {position}: unknown mode {mode!r}")


def _check_refs(step: p.Step, position: int) -> None:
    for name in _FIELDS[type(step)]:
        for ref in p.refs(getattr(step, name)):
            if ref.index >= position:
                raise BadProgram(f"step {position} refers to value {ref.index}, which is not made before it")
