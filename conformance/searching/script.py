"""A program as a script of a dozen lines that imports only the engine and NumPy, and shows the difference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import catalogue
from ..programs import functions
from ..programs import program as p
from ..programs.leafdata import COMPLEX, leaf_array, memory_order

_INFIX = {"+", "-", "*", "/", "//", "%", "**", "@", "<", "<=", ">", ">=", "==", "!=", "&", "|", "^"}
_SAVED_HOOKS = {
    "identity": "lambda x: x, lambda x: x",
    "count": "lambda x: (print('pack'), x)[1], lambda x: (print('unpack'), x)[1]",
    "copy": "lambda x: x.clone(), lambda x: x",
    "facts": "lambda x: (print('pack', x.shape), x)[1], lambda x: (print('unpack', x.shape), x)[1]",
    "outer": "lambda x: (print('outer pack'), x)[1], lambda x: (print('outer unpack'), x)[1]",
    "mode": "lambda x: (print(torch.is_grad_enabled()), x)[1], lambda x: (print(torch.is_grad_enabled()), x)[1]",
    "raise_pack": "lambda x: 1 / 0, lambda x: x",
    "detach": "lambda x: x.detach(), lambda x: x",
    "wrapped": "lambda x: ('kept', x.detach()), lambda kept: kept[1]",
    "double": "lambda x: x, lambda x: x * 2",
    "unsqueeze": "lambda x: x, lambda x: x.unsqueeze(0)",
    "grow": "lambda x: x, lambda x: x.reshape(-1).repeat(2)",
    "number": "lambda x: x, lambda x: 1",
    "write": "lambda x: x.mul_(2), lambda x: x",
}
_HOOK_BODIES = {
    "double": "g * 2",
    "negate": "-g",
    "zero": "g * 0",
    "clone": "g.clone()",
    "square": "g * g",
    "resize": "g.unsqueeze(0)",
    "retype": "g.float() if g.dtype == torch.float64 else g.double()",
    "number": "1",
    "bare": "g",
    "short": "g",
    "raise": "1 / 0",
}
_LEAF_HOOKS = {
    "step": "p.data.sub_(p.grad, alpha=0.25), setattr(p, 'grad', None)",
    "scale_grad": "setattr(p, 'grad', p.grad * 2)",
    "raise": "1 / 0",
    "number": "",
    "bare": "",
}
_IN_THREAD = ("thread = __import__('threading').Thread(target=body)", "thread.start()", "thread.join()")
_MODES = {
    "detect_anomaly": "torch.autograd.detect_anomaly()",
    "detect_anomaly:False": "torch.autograd.detect_anomaly(check_nan=False)",
    "save_on_cpu": "torch.autograd.graph.save_on_cpu()",
    "saved_hooks_disabled": "torch.autograd.graph.disable_saved_tensors_hooks('no saved tensor hooks here')",
}
_PREFIX = {"neg": "-{}", "abs": "abs({})", "invert": "~{}"}


def script(program: p.Program, module: str = "torch", expected: str = "", show: int | None = None) -> str:
    """Python source that runs the program on ``module`` and prints the step ``show`` (default: the last value).

    ``expected`` goes into a comment beside the printed result.
    """
    printer = _Printer(program, module)
    body = [line for index, step in enumerate(program.steps) for line in printer.step(index, step)]
    shown = printer.shown(show)
    comment = f"  # expected: {expected}" if expected else ""
    lines = [*body, f"print({shown}){comment}"]
    engine = f"import {module} as torch" if module != "torch" else "import torch"
    header = [engine] if not any("pattern(" in line for line in lines) else ["import numpy as np", engine, *_PATTERN]
    return "\n".join([*header, "", *lines, ""])


_PATTERN = """
def pattern(kind, seed, low, high, shape):
    count = int(np.prod(shape))
    z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    if kind == "distinct":
        return (low + (high - low) * (np.argsort(np.argsort(z, kind="stable")) + 0.5) / count).reshape(shape)
    u = (z >> np.uint64(11)) * 2.0**-53
    if kind == "eighths":
        return (np.floor(4 * low + 4 * (high - low) * u) / 4 + 0.125).reshape(shape)
    if kind == "ends":
        return np.where(u < 0.5, low, high).reshape(shape)
    u = np.floor(4 * low + (4 * (high - low) + 1) * u) / 4 if kind == "dyadic" else low + (high - low) * u
    return u.reshape(shape)
""".splitlines()
"""The leaf patterns, restated, for scripts whose leaves are too large to print."""


class _Printer:
    def __init__(self, program: p.Program, module: str) -> None:
        self.program = program
        self.module = module

    def shown(self, show: int | None) -> str:
        steps = self.program.steps
        if show is not None and isinstance(steps[show], p.Leaf):
            return f"v{show}.grad"
        makes = (p.Call, p.Write, p.Item, p.Grad, p.GradOf, p.Transform, p.Observe)
        if show is not None and isinstance(steps[show], makes):
            return f"v{show}"
        grads = [f"v{i}.grad" for i, s in enumerate(steps) if isinstance(s, p.Leaf) and s.requires_grad]
        if any(isinstance(s, p.Backward) for s in steps) and grads:
            return ", ".join(grads)
        made = [i for i, s in enumerate(steps) if isinstance(s, makes)]
        return f"v{made[-1]}" if made else "'ran'"

    def step(self, index: int, step: p.Step) -> list[str]:
        text = getattr(self, "_" + type(step).__name__.lower())(index, step)
        lines = text if isinstance(text, list) else [text]
        for mode in reversed(step.modes):
            inner = ["    " + line for line in lines]
            how, _, left = mode.partition(":")
            if how == "left":
                lines = [f"with {self._mode(left)}:", "    pass", *lines]
            elif how == "broken":
                block = ["try:", f"    with {self._mode(left)}:", "        raise LookupError", "except LookupError:"]
                lines = [*block, "    pass", *lines]
            elif how == "seed":
                lines = [f"torch.manual_seed({mode[5:]})", *lines]
            elif mode == "thread":
                lines = ["def body():", f"    global v{index}", *inner, *_IN_THREAD]
            else:
                lines = [f"with {self._mode(mode)}:", *inner]
        return lines

    def _mode(self, mode: str) -> str:
        if mode in _MODES:
            return _MODES[mode]
        kind, _, rest = mode.partition(":")
        if kind == "saved_hooks":
            return f"torch.autograd.graph.saved_tensors_hooks({_SAVED_HOOKS[rest]})"
        return f"torch.{kind}({rest})"

    def _leaf(self, index: int, step: p.Leaf) -> str:
        made = f"torch.tensor({numbers(step)}, dtype=torch.{step.dtype})"
        if 0 in step.shape:
            made = f"torch.zeros({step.shape}, dtype=torch.{step.dtype})"
        elif isinstance(step.data, p.Pattern):
            made = _pattern_source(step, step.data)
        made = _laid_out(made, step)
        return f"v{index} = {made}" + (".requires_grad_()" if step.requires_grad else "")

    def _call(self, index: int, step: p.Call) -> str:
        line = catalogue.find(step.op)
        args = [argument(a) for a in step.args]
        attrs = [f"{name}={argument(value)}" for name, value in step.attrs]
        if step.form == "operator" and line.symbol:
            return f"v{index} = {_operator(line.symbol, step)}"
        if step.form == "function":
            return f"v{index} = torch.{line.path}({', '.join([*args, *attrs])})"
        if step.form == "attribute":
            return f"v{index} = {args[0]}.{line.method}"
        name = line.method + "_" if step.form == "inplace" else line.method
        return f"v{index} = {args[0]}.{name}({', '.join([*args[1:], *attrs])})"

    def _write(self, index: int, step: p.Write) -> list[str] | str:
        target, args = argument(step.target), [argument(a) for a in step.args]
        if step.kind == "setitem":
            return [f"v{index} = {target}", f"{target}[{_index(step.args[0])}] = {args[1]}"]
        return f"v{index} = {target}.{step.kind}({', '.join(args)})"

    def _item(self, index: int, step: p.Item) -> str:
        return f"v{index} = {argument(step.value)}[{step.index}]"

    def _flag(self, index: int, step: p.Flag) -> str:
        if step.flag == "requires_grad":
            return f"v{step.value.index}.requires_grad = {step.setting}"
        setting = str(step.setting) if step.flag == "requires_grad_" else ""
        return f"v{index} = v{step.value.index}.{step.flag}({setting})"

    def _hook(self, index: int, step: p.Hook) -> str:
        target, tag = f"v{step.value.index}", repr(step.tag)
        body = _HOOK_BODIES.get(step.action, "None")
        if step.kind == "tensor":
            return f"v{index} = {target}.register_hook(lambda g: (print({tag}, g), {body})[1])"
        if step.kind == "post_accumulate":
            after = "".join(f", {part}" for part in filter(None, [_LEAF_HOOKS.get(step.action)]))
            result = {"number": "1", "bare": "p"}.get(step.action, "None")
            shown = f"(print({tag}, p.grad){after}, {result})[-1]"
            return f"v{index} = {target}.register_post_accumulate_grad_hook(lambda p: {shown})"
        name = "register_prehook" if step.kind == "node_pre" else "register_hook"
        node = f"torch.autograd.graph.get_gradient_edge({target}).node"
        return f"v{index} = {node}.{name}(lambda *a: (print({tag}, *a), {_node_result(step)})[1])"

    def _multihook(self, index: int, step: p.MultiHook) -> str:
        given = f"{argument(step.values)}, lambda g: print({step.tag!r}, g), mode={step.mode!r}"
        return f"v{index} = torch.autograd.graph.register_multi_grad_hook({given})"

    def _removehook(self, index: int, step: p.RemoveHook) -> str:
        return f"v{step.hook.index}.remove()"

    def _retaingrad(self, index: int, step: p.RetainGrad) -> str:
        return f"v{step.value.index}.retain_grad()"

    def _backward(self, index: int, step: p.Backward) -> str:
        rest = _keywords(step, (("retain_graph", None), ("create_graph", False), ("inputs", None)))
        if step.form == "method":
            gradient = "" if step.gradients is None else argument(step.gradients[0])
            return f"v{step.roots[0].index}.backward({', '.join(filter(None, [gradient, *rest]))})"
        given = [argument(step.roots), *([argument(step.gradients)] if step.gradients is not None else [])]
        return f"torch.autograd.backward({', '.join([*given, *rest])})"

    def _grad(self, index: int, step: p.Grad) -> str:
        names = ("retain_graph", "allow_unused")
        defaults = (("create_graph", False), ("materialize_grads", False), ("is_grads_batched", False))
        rest = _keywords(step, (*((n, None) for n in names), *defaults))
        given = [argument(a) for a in (step.outputs, step.inputs, step.grad_outputs) if a is not None]
        return f"v{index} = torch.autograd.grad({', '.join([*given, *rest])})"

    def _gradof(self, index: int, step: p.GradOf) -> str:
        return f"v{index} = v{step.value.index}.grad"

    def _setgrad(self, index: int, step: p.SetGrad) -> str:
        return f"v{step.value.index}.grad = {argument(step.grad)}"

    def _drop(self, index: int, step: p.Drop) -> str:
        return "del " + ", ".join(f"v{ref.index}" for ref in step.values)

    def _observe(self, index: int, step: p.Observe) -> list[str]:
        v = f"v{step.value.index}"
        read = {
            "flags": f"{v}.requires_grad, {v}.is_leaf",
            "graph": f"{v}.grad_fn",
            "version": f"{v}._version",
            "layout": f"{v}.stride()",
            "grad": f"{v}.grad",
            "modes": "torch.is_grad_enabled(), torch.is_inference_mode_enabled()",
            "inference": f"{v}.is_inference()",
            "nodes": f"{v}.grad_fn and {v}.grad_fn.next_functions, {v}.output_nr",
            "saved": f"[(n, getattr({v}.grad_fn, n)) for n in dir({v}.grad_fn) if n.startswith('_saved_')]",
        }
        parts = [read[aspect] for aspect in step.aspects if aspect in read]
        return [f"v{index} = {v}", f"print({', '.join(parts)})"] if parts else [f"v{index} = {v}"]

    def _transform(self, index: int, step: p.Transform) -> list[str]:
        args = ", ".join(map(argument, step.args))
        options = "".join(f", {name}={argument(value)}" for name, value in step.options if name != "rule")
        if step.region is None:
            rule = str(dict(step.options)["rule"])
            return [*functions.source(rule), f"v{index} = {functions.class_name(rule)}.apply({args}{options})"]
        inner = _Printer(p.Program(step.region.steps), self.module)
        lines = _region_lines(inner, step.region, index, step.captures)
        if step.kind == "checkpoint":
            return [*lines, f"v{index} = torch.utils.checkpoint.checkpoint(f{index}, {args}{options})"]
        if "vjp" in step.kind or "jvp" in step.kind:
            return [*lines, *_directional(step, index, args)]
        return [*lines, f"v{index} = torch.func.{step.kind}(f{index}{options})({args})"]


def _directional(step: p.Transform, index: int, args: str) -> list[str]:
    """Forward mode, reverse mode, and one over the other."""
    given = {name: argument(value) for name, value in step.options}
    pulled = given.get("cotangents", "")
    pulled = pulled if pulled.count("v") > 1 else pulled[1:-2]
    tangents = given.get("tangents", "")
    if step.kind == "jvp":
        return [f"v{index} = torch.func.jvp(f{index}, ({args},), {tangents})"]
    if step.kind == "vjp":
        pull = f"v{index}, pull{index} = torch.func.vjp(f{index}, {args})"
        return [pull, f"v{index} = (v{index}, *pull{index}({pulled}))"]
    if step.kind == "jvp_of_vjp":
        inner = f"g{index} = lambda *xs: torch.func.vjp(f{index}, *xs)[1]({pulled})"
        return [inner, f"v{index} = torch.func.jvp(g{index}, ({args},), {tangents})[1]"]
    inner = f"g{index} = lambda *xs: torch.func.jvp(f{index}, xs, {tangents})[1]"
    return [inner, f"v{index} = torch.func.vjp(g{index}, {args})[1]({pulled})"]


def _node_result(step: p.Hook) -> str:
    """What a node's hook returns, as source."""
    if step.action not in _HOOK_BODIES:
        return "None"
    results = f"tuple(None if g is None else {_HOOK_BODIES[step.action]} for g in a[0])"
    if step.action == "bare":
        return f"next(g for g in {results} if g is not None)"
    return f"{results}[:-1]" if step.action == "short" else results


def _region_lines(inner: _Printer, region: p.Region, index: int, captures: tuple[p.Ref, ...]) -> list[str]:
    """A region as a function. What it closes over it has as defaults: inside, the same names mean other values."""
    own = region.params - len(captures)
    bound = [f"v{i}" for i in range(own)] + [f"v{own + i}=v{ref.index}" for i, ref in enumerate(captures)]
    lines = [f"def f{index}({', '.join(bound)}):"]
    first = region.params
    lines += ["    " + line for i, s in enumerate(region.steps) for line in inner.step(first + i, s)]
    return [*lines, "    return " + ", ".join(f"v{ref.index}" for ref in region.results)]


def _keywords(step: Any, defaults: tuple[tuple[str, Any], ...]) -> list[str]:
    return [f"{n}={argument(getattr(step, n))}" for n, default in defaults if getattr(step, n) != default]


def argument(value: Any) -> str:
    if isinstance(value, p.Ref):
        return f"v{value.index}"
    if isinstance(value, p.Slice):
        return f"slice({value.start}, {value.stop}, {value.step})"
    if isinstance(value, p.Dtype):
        return f"torch.{value.name}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(argument, value)) + ("," if len(value) == 1 else "") + ")"
    if value is Ellipsis:
        return "..."
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _operator(symbol: str, step: p.Call) -> str:
    args = [argument(a) for a in step.args]
    if symbol == "[]":
        return f"{args[0]}[{_index(step.args[1])}]"
    if symbol in _INFIX:
        return f"{args[0]} {symbol} {args[1]}"
    return _PREFIX[symbol].format(args[0])


def _index(argument: Any) -> str:
    entries = argument if isinstance(argument, tuple) else (argument,)
    return ", ".join(map(_index_entry, entries))


def _index_entry(entry: Any) -> str:
    if not isinstance(entry, p.Slice):
        return argument(entry)
    ends = ["" if v is None else str(v) for v in (entry.start, entry.stop)]
    return ":".join(ends) + (f":{entry.step}" if entry.step not in (None, 1) else "")


def numbers(step: p.Leaf) -> str:
    array = leaf_array(step)
    wide = array.astype(complex if array.dtype.kind == "c" else float if array.dtype.kind in "fV" else array.dtype)
    return repr(wide.tolist()).replace("nan", "float('nan')").replace("inf", "float('inf')")


def _pattern_source(step: p.Leaf, pattern: p.Pattern) -> str:
    if pattern.kind == "constant":
        return f"torch.full({step.shape}, {pattern.low!r}, dtype=torch.{step.dtype})"
    doubled = (2, *step.shape) if step.dtype in COMPLEX else step.shape
    drawn = f"pattern({pattern.kind!r}, {pattern.seed}, {pattern.low!r}, {pattern.high!r}, {doubled})"
    if step.dtype in COMPLEX:
        drawn = f"{drawn}.reshape(-1, 2) @ [1, 1j]"
        return f"torch.tensor({drawn}, dtype=torch.{step.dtype}).reshape({step.shape})"
    return f"torch.tensor({drawn}, dtype=torch.{step.dtype})"


def _laid_out(made: str, step: p.Leaf) -> str:
    order = memory_order(step.layout, len(step.shape))
    if order is not None:
        inverse = tuple(int(d) for d in np.argsort(order))
        return f"{made}.permute({order}).contiguous().permute({inverse})"
    if step.layout == "strided" and step.shape:
        return f"torch.stack([{made}] * 2, -1).flatten(-2)[..., ::2]"
    if step.layout == "offset":
        return f"torch.cat([torch.zeros(1, dtype=torch.{step.dtype}), {made}.flatten()])[1:].view({step.shape})"
    if step.layout == "expanded" and step.shape and step.shape[0] > 1:
        return f"{made}[:1].expand({step.shape})"
    return made
