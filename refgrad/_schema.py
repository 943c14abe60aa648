"""The grammar of a row's signature, and what its rules ask for.

    sin(self)                               one tensor
    cat(tensors[], *, dim)                  a list of tensors; attributes after the star
    clamp(self, min?, max?)                 optional tensors
    scale(weight, index!)                   an input without gradient: it has no edge (nor has one without a rule)
    svd(A, *, full) -> U, S, Vh             several outputs
    max(self, *, dim) -> values, indices!   an output without gradient
    split(self, *, size) -> outputs[]       as many outputs as it takes

A rule's parameter names say what it needs: `g` the cotangent (`g_values` with several outputs), `F` the interpreter,
an input's or output's name its value (`out` when there is one output without a name), `self_meta` an input's shape and
dtype, and attributes by name. What it names is what is saved.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Meta(NamedTuple):
    """Shape, dtype, strides (in bytes) and storage offset (in elements) of a value that is not itself kept."""

    shape: tuple[int, ...]
    dtype: np.dtype
    strides: tuple[int, ...]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    name: str
    is_list: bool = False
    optional: bool = False
    differentiable: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    name: str
    differentiable: bool = True
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    name: str
    inputs: tuple[Input, ...]
    attributes: tuple[str, ...]
    outputs: tuple[Output, ...]

    @property
    def is_plain(self) -> bool:
        """Inputs are single required tensors, and there is one differentiable output."""
        return not any(i.is_list or i.optional for i in self.inputs) and len(self.outputs) == 1 and not self.is_variable

    @property
    def followed(self) -> tuple[Output, ...]:
        """The outputs with a gradient: a node has a cotangent for each of these alone."""
        return tuple(o for o in self.outputs if o.differentiable)

    @property
    def is_variable(self) -> bool:
        """The number of outputs depends on the call."""
        return self.outputs[0].is_list


def parse(text: str) -> Schema:
    """The Schema that a row's signature writes. Raises ValueError at import for a text outside the grammar."""
    found = re.fullmatch(r"\s*(\w+)\(([^)]*)\)(?:\s*->\s*(.+))?\s*", text)
    if not found:
        raise ValueError(f"row signature {text!r} is not of the form name(inputs, *, attributes) -> outputs")
    name, arguments, results = found.groups()
    tensors, _, attributes = arguments.partition("*")
    inputs = tuple(
        Input(a.rstrip("[]?!"), "[]" in a, "?" in a, not a.endswith("!"))
        for a in _split(tensors)
        if _known(a, r"\w+(\[\]|\?)?!?")
    )
    outputs = tuple(
        Output(o.rstrip("[]!"), not o.endswith("!"), "[]" in o)
        for o in _split(results or "out")
        if _known(o, r"\w+(\[\])?!?")
    )
    return Schema(name, inputs, tuple(_split(attributes)), outputs)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _known(part: str, pattern: str) -> bool:
    if not re.fullmatch(pattern, part):
        raise ValueError(f"row signature has {part!r}, which does not match {pattern}")
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """A vjp (or jvp) and the names of what it is called with."""

    function: Callable[..., Any]
    wants: tuple[str, ...]


def rule(schema: Schema, function: Callable[..., Any], also: tuple[str, ...] = ()) -> Rule:
    """The Rule of a function, its names checked now so that a slip fails at import."""
    wants = tuple(inspect.signature(function).parameters)
    known = {
        "F",
        "needs",
        *also,
        *schema.attributes,
        *(i.name for i in schema.inputs),
        *(o.name for o in schema.outputs),
    }
    known |= {i.name + "_meta" for i in schema.inputs}
    known |= {"g"} if len(schema.outputs) == 1 else {"g_" + o.name for o in schema.outputs if o.differentiable}
    for name in wants:
        if name not in known:
            raise ValueError(f"a rule of {schema.name} asks for {name!r}; it may ask for {', '.join(sorted(known))}")
    return Rule(function, wants)


def node_name(name: str, overload: int) -> str:
    """PyTorch's name for the node: log_softmax, 0 -> LogSoftmaxBackward0; a letter after a digit is a capital too."""
    joined = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return re.sub(r"(?<=\d)[a-z]", lambda letter: letter[0].upper(), joined) + f"Backward{overload}"
