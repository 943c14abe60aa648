"""Traces to JSON and back, bit for bit. Reading validates, since the other side is untrusted."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from ...programs.leafdata import DTYPES
from ...programs.trace import NOTHING, HookCall, Nothing, Observed, Outcome, Raised, Trace

FACTS = ("requires_grad", "strides", "is_leaf", "grad_fn", "next_functions", "version", "alias", "text")
MAX_ELEMENTS, MAX_TEXT, MAX_DEPTH = 1 << 24, 1 << 20, 16
_TUPLES = frozenset({"strides", "next_functions"})


class BadTrace(ValueError):
    """The JSON isn't a trace."""


def encode(trace: Trace) -> dict[str, Any]:
    """A trace as JSON, arrays as base64 of their little-endian C-ordered bytes. Empty parts are left out."""
    out: dict[str, Any] = {"steps": [_encode(outcome) for outcome in trace.steps]}
    if trace.hooks:
        out["hooks"] = [[call.tag, [_encode(part) for part in call.grads], call.step] for call in trace.hooks]
    if trace.warnings:
        out["warnings"] = [list(pair) for pair in trace.warnings]
    if trace.gradients:
        out["gradients"] = [[step, _encode(outcome)] for step, outcome in trace.gradients.items()]
    if trace.deaths:
        out["deaths"] = [[step, list(dead)] for step, dead in trace.deaths.items()]
    return out


def _encode(outcome: Outcome) -> Any:
    kind = type(outcome)
    if kind is Observed:
        return _encode_tensor(outcome)
    if kind is Raised:
        return {"raised": outcome.kind, "message": outcome.message[:MAX_TEXT]}
    if kind is Nothing:
        return {"skipped": True} if outcome.skipped else None
    if kind is tuple:
        return [_encode(part) for part in outcome]
    if kind is float:
        return {"float": outcome.hex() if math.isfinite(outcome) else repr(outcome)}
    if kind is complex:
        return {"complex": [_encode(outcome.real)["float"], _encode(outcome.imag)["float"]]}
    return outcome


def _encode_tensor(seen: Observed) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(seen.array).tobytes()).decode("ascii")
    out: dict[str, Any] = {"tensor": data, "dtype": seen.dtype, "shape": list(seen.shape)}
    for name in FACTS:
        value = getattr(seen, name)
        if value is not None:
            out[name] = list(value) if name in _TUPLES else value
    if seen.grad is not None:
        out["grad"] = _encode(seen.grad)
    if seen.more:
        out["more"] = {name: _encode(outcome) for name, outcome in seen.more.items()}
    return out


def decode(data: Any) -> Trace:
    """A trace from its JSON. Raises BadTrace when anything in it is not as specified."""
    try:
        return Trace(
            [_decode(part) for part in data["steps"]],
            [_decode_hook(*call) for call in data.get("hooks", ())],
            [(_text(category), _text(text)) for category, text in data.get("warnings", ())],
            {int(step): _decode(part) for step, part in data.get("gradients", ())},
            {int(step): tuple(map(bool, dead)) for step, dead in data.get("deaths", ())},
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadTrace(f"not a trace: {type(error).__name__}: {error}"[:200]) from None


def _decode_hook(tag: Any, grads: Any, step: Any = None) -> HookCall:
    return HookCall(_text(tag), tuple(map(_decode, grads)), None if step is None else int(step))


def _decode(data: Any, depth: int = 0) -> Outcome:
    if data is None:
        return NOTHING
    if type(data) in (bool, int):
        return data
    if type(data) is str:
        return data[:MAX_TEXT]
    if depth > MAX_DEPTH:
        raise BadTrace("nested too deeply")
    if type(data) is list:
        return tuple([_decode(part, depth + 1) for part in data])
    if "tensor" in data:
        return _decode_tensor(data, depth)
    if "raised" in data:
        return Raised(_text(data["raised"]), _text(data["message"]))
    if "float" in data:
        return _number(data["float"])
    if "complex" in data:
        return complex(*map(_number, data["complex"]))
    if data == {"skipped": True}:
        return Nothing(skipped=True)
    raise BadTrace(f"no outcome: {sorted(data)[:5]}")


def _number(text: Any) -> float:
    return float(text) if text in ("nan", "inf", "-inf") else float.fromhex(text)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise BadTrace(f"text expected, not {value!r:.60}")
    return value[:MAX_TEXT]


def _decode_tensor(data: dict[str, Any], depth: int) -> Observed:
    dtype, shape = DTYPES[data["dtype"]], tuple(map(int, data["shape"]))
    count = math.prod(shape)
    raw = base64.b64decode(data["tensor"], validate=True)
    if not 0 <= count <= MAX_ELEMENTS or len(raw) != count * dtype.itemsize:
        raise BadTrace(f"{len(raw)} bytes for shape {shape} and dtype {data['dtype']}")
    seen = Observed(np.frombuffer(raw, dtype).reshape(shape), data["dtype"], shape)
    for name in FACTS:
        if name in data:
            setattr(seen, name, _fact(name, data[name]))
    if "grad" in data:
        seen.grad = _decode(data["grad"], depth + 1)
    if "more" in data:
        seen.more = {_text(name): _decode(outcome, depth + 1) for name, outcome in data["more"].items()}
    return seen


def _fact(name: str, value: Any) -> Any:
    if name == "strides":
        return tuple(map(int, value))
    if name == "next_functions":
        return tuple(None if part is None else _text(part) for part in value)
    if name in ("requires_grad", "is_leaf"):
        return bool(value)
    if name in ("version", "alias"):
        return int(value)
    return False if name == "grad_fn" and value is False else _text(value)
