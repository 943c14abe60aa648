"""Backward functions of rows, written out once for each combination of inputs that need a gradient.

A plan's `pull` unpacks the saved values, checks their versions and calls the rules. Interpreting the plan at each node
cost as much as the arithmetic, so the loop over names is unrolled into source, as `dataclasses` does for `__init__`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._errors import SECOND_BACKWARD
from ._interpreters import LIVE, NARROW, RAW
from ._modes import local
from ._saved import Result
from ._schema import Rule

if TYPE_CHECKING:
    from ._op import Plan, Row


def holomorphic(derivative: Rule) -> Rule:
    """The vjp of a holomorphic pointwise function: g times the conjugate of its derivative."""
    wants = [n for n in derivative.wants if n != "F"]
    source = f"lambda {', '.join(['g', 'F', *wants])}: g * F.conj(d({', '.join(derivative.wants)}))"
    return Rule(eval(source, {"d": derivative.function}), ("g", "F", *wants))


def compile_pull(row: Row, plan: Plan) -> Callable[..., tuple[Any, ...]]:
    """The function (node, cotangents, live) -> cotangents of the inputs, for a row without lists."""
    scope: dict[str, Any] = {"LIVE": LIVE, "RAW": RAW, "NARROW": NARROW, "local": local, "needs": plan.needs}
    scope["SECOND_BACKWARD"], scope["Result"] = SECOND_BACKWARD, Result
    scope["NOTHING"] = (None,) * len(row.edged)
    result = _joint(row, plan, scope) if row.joint else _separate(row, plan, scope)
    several = len(row.schema.outputs) > 1
    cotangents = ["g_" + o.name for o in row.schema.followed] if several else ["g"]
    names = [*cotangents, *plan.saves, *plan.metas, *row.schema.attributes]
    lines = [f"def rules(F, {', '.join(names)}):", f"    return {result}", "def pull(node, cotangents, live):"]
    lines += [f"    {', '.join(cotangents)}, = cotangents", "    saved = node.saved"]
    lines += ["    if saved is None:", "        raise RuntimeError(SECOND_BACKWARD)"]
    for k, name in enumerate(plan.saves):
        lines += _unpack_result(k, name) if plan.packs[k][0] else _unpack(k, name, row.casts_saved)
    lines += [f"    {name} = saved[{len(plan.saves) + k}]" for k, name in enumerate(plan.metas)]
    # Saved values are read, and their versions checked, also where no cotangent arrives.
    lines += [f"    if {' and '.join(c + ' is None' for c in cotangents)}:", "        return NOTHING"]
    if row.schema.attributes:
        lines.append(f"    {', '.join(row.schema.attributes)}, = node.attributes")
    lines += [
        "    if live:",
        f"        return rules(LIVE, {', '.join(names)})",
        f"    return local.me.run(rules, NARROW if node.dtype.itemsize == 2 else RAW, {', '.join(names)})",
    ]
    exec(compile("\n".join(lines), f"<backward of {row.name}>", "exec"), scope)
    return scope["pull"]


def _unpack(k: int, name: str, casts: bool) -> list[str]:
    """A saved input in the form of the fast path is read here; every other form by the node."""
    quick = "not live and type(e) is tuple and e[0]._cell[0] == e[1]"
    if casts:
        quick += " and e[0]._array.dtype is node.dtype"
    return [
        f"    e = saved[{k}]",
        f"    {name} = e[0]._array if {quick} else e if type(e) is float else node.value(e, live)",
    ]


def _unpack_result(k: int, name: str) -> list[str]:
    """The same for a saved result."""
    quick = "not live and type(e) is Result and e[1][0] == e[2]"
    return [f"    e = saved[{k}]", f"    {name} = e[0] if {quick} else node.value(e, live)"]


def _separate(row: Row, plan: Plan, scope: dict[str, Any]) -> str:
    """A tuple with each needed input's rule called, None for the others that have an edge."""
    parts = dict.fromkeys(row.edged, "None")
    for i, rule in plan.calls:
        scope[f"rule{i}"] = rule.function
        parts[i] = f"rule{i}({', '.join(rule.wants)})"
    return f"({', '.join(parts[k] for k in row.edged)},)"


def _joint(row: Row, plan: Plan, scope: dict[str, Any]) -> str:
    """The rule for all inputs called; None for those that need no gradient, which hooks would see."""
    assert row.joint is not None
    asked = [plan.needs[k] for k in row.edged]
    scope["needed"] = tuple if all(asked) else lambda found: tuple([g if n else None for g, n in zip(found, asked)])
    scope["joint"] = row.joint.function
    return f"needed(joint({', '.join(row.joint.wants)}))"
