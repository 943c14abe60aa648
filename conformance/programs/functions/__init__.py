"""Custom Functions by name: a closed list of rules for any engine of torch's kind.

Plain functions, without lambdas: a script prints their source.
"""

from __future__ import annotations

import inspect

from . import context, contract, forward_mode, higher, marks, plain
from .rule import Rule, bound

RULES: dict[str, Rule] = {
    **plain.RULES,
    **contract.RULES,
    **context.RULES,
    **marks.RULES,
    **higher.RULES,
    **forward_mode.RULES,
}


WRITING = frozenset({"double_in_place", "square_in_place", "dirty_unreturned", "doubled", "doubled_aside"})
"""Rules that write into their argument."""


def class_name(rule: str) -> str:
    return rule.title().replace("_", "")


def source(name: str) -> list[str]:
    """Lines that define the rule's class, for a script."""
    rule = RULES[name]
    texts = dict.fromkeys(inspect.getsource(method) for _, method in rule.methods())
    defined = [line.replace(": Any", "").replace(" -> Any", "") for text in texts for line in text.splitlines()]
    members = [f"'{member}': staticmethod({_reference(rule, member, m.__name__)})" for member, m in rule.methods()]
    members += [f"'{flag}': True" for flag in rule.flags]
    named = class_name(name)
    return [*defined, f"{named} = type('{named}', (torch.autograd.Function,), {{{', '.join(members)}}})"]


def _reference(rule: Rule, member: str, name: str) -> str:
    if member == "backward" and rule.once:
        return f"torch.autograd.function.once_differentiable({name})"
    return name


__all__ = ["RULES", "WRITING", "Rule", "bound", "class_name", "source"]
