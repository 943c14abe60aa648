"""``torch.compile`` as an engine: each stretch of calls in a program is one compiled function.

A stretch ends where the program differentiates with respect to a value, so that the value is a node of the tape. What
is compiled is source with a line a step; its constants are globals. Programs that differ in leaf data alone share it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from ..programs import program as p
from ..programs.leafdata import DTYPES
from ..programs.trace import NOTHING, Nothing, Outcome, Raised, Trace
from . import UNCLAIMED, torch_backend
from .run import FAILED, Run

CLAIMS = frozenset({"op:*", "vjp", "inplace", "none", *(f"dtype:{name}" for name in DTYPES)})
UNDONE = ("does not currently support double backward", "torch.compile with aot_autograd does not")
"""What it says of second derivatives, which it doesn't claim."""
KEPT = 32


class TorchCompile(torch_backend.Torch):
    """PyTorch's compiler with one of its backends. ``compiles``: each new graph costs a compilation."""

    compiles = "per_graph"

    def __init__(self, ns: Any, compiler: str, backend: Any) -> None:
        name = "torch:compile" if compiler == "aot_eager" else f"torch:compile={compiler}"
        super().__init__(ns, name, ns.__version__, CLAIMS)
        self.compiler = backend
        self._compiled: dict[tuple[str, str], Callable[..., Any]] = {}

    def kernel_noise(self, seed: int, program: p.Program) -> None:
        """None: what is compiled runs unwatched."""

    def execute(self, program: p.Program, noise: int | None = None) -> Trace:
        if noise is not None:
            raise NotImplementedError(f"{self.name} can't be the oracle: it has no noisy form")
        return _CompiledRun(self).run(program)

    def kind_of(self, error: BaseException) -> str:
        return UNCLAIMED if any(text in str(error) for text in UNDONE) else super().kind_of(error)

    def compiled(self, source: str, names: dict[str, Any]) -> Callable[..., Any]:
        """The compiled function of a stretch."""
        key = source, repr([(name, value) for name, value in names.items() if not callable(value)])
        found = self._compiled.get(key)
        if found is None:
            if len(self._compiled) >= KEPT:
                self._compiled.clear()
                self.ns._dynamo.reset()
            space = dict(names)
            exec(compile(source, "<stretch>", "exec"), space)
            found = self._compiled[key] = self.ns.compile(space["stretch"], backend=self.compiler, dynamic=False)
        return found


class _CompiledRun(Run):
    """A run whose stretches of calls are compiled."""

    engine: TorchCompile

    def run(self, program: p.Program) -> Trace:
        self.trace.steps = []
        for stretch in stretches(program):
            if len(stretch) == 1 and not _is_compiled(stretch[0][1]):
                self.trace.steps.append(self.guarded(stretch[0][1]))
            else:
                self.trace.steps.extend(self._together(stretch))
        self._read_gradients()
        return self.trace

    def _together(self, stretch: list[tuple[int, p.Step]]) -> Iterator[Outcome]:
        writer = _Writer(self)
        source = writer.source(stretch)
        inputs = [self.values[index] for index in writer.inputs]
        if any(value is FAILED for value in inputs):
            self.values.extend([FAILED] * len(stretch))
            return iter([Nothing(skipped=True)] * len(stretch))
        try:
            results = self.engine.compiled(source, writer.names)(*inputs)
        except Exception as error:
            self.values.extend([FAILED] * len(stretch))
            raised = Raised(self.engine.kind_of(error), str(error)[:2000])
            return iter([raised, *[Nothing(skipped=True)] * (len(stretch) - 1)])
        self.values.extend(results[: len(stretch)])
        shown = [results[len(stretch) + k] if k < writer.copies else results[k] for k in range(len(stretch))]
        return iter([NOTHING if value is None else self.engine.see(value) for value in shown])


def _writes(step: p.Step) -> bool:
    """Whether a call writes into its operand: as a method, or by its keyword."""
    return isinstance(step, p.Call) and (step.form == "inplace" or dict(step.attrs).get("inplace") is True)


class _Writer:
    """Source of a stretch: values are ``vN``, callables and constants are names."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.inputs: list[int] = []
        self.names: dict[str, Any] = {}
        self.made: set[int] = set()
        self.copies = 0

    def source(self, stretch: list[tuple[int, p.Step]]) -> str:
        """``copies``: so many of the first values are returned once more, as they were before a later write."""
        writes = [k for k, (_, step) in enumerate(stretch) if _writes(step)]
        self.copies = max(writes, default=0)
        lines: list[str] = []
        for place, (index, step) in enumerate(stretch):
            lines.append(self._line(index, step))
            if place < self.copies:
                lines.append(f"s{index} = {self._named('copied', _copied)}(v{index})")
        given = ", ".join(f"v{index}" for index in self.inputs)
        copies = "".join(f"s{index}, " for index, _ in stretch[: self.copies])
        results = "".join(f"v{index}, " for index, _ in stretch) + copies
        return "\n    ".join([f"def stretch({given}):", *lines, f"return ({results})"])

    def _line(self, index: int, step: Any) -> str:
        if isinstance(step, p.Item):
            text = f"{self._argument(step.value)}[{int(step.index)}]"
        else:
            function = self._named(f"f_{step.op}_{step.form}", self.run.engine.callable(step.op, step.form))
            args = [self._argument(argument) for argument in step.args]
            text = f"{function}({', '.join([*args, *(f'{n}={self._argument(v)}' for n, v in step.attrs)])})"
        self.made.add(index)
        return f"v{index} = {text}"

    def _argument(self, value: Any) -> str:
        if isinstance(value, p.Ref):
            if value.index not in self.made and value.index not in self.inputs:
                self.inputs.append(value.index)
            return f"v{value.index}"
        if isinstance(value, tuple):
            return f"({''.join(self._argument(part) + ', ' for part in value)})"
        return self._named(f"c{len(self.names)}", self.run.resolve(value))

    def _named(self, name: str, value: Any) -> str:
        name = "".join(c if c.isalnum() else "_" for c in name)
        self.names[name] = value
        return name


def _copied(value: Any) -> Any:
    """A value as it is now: what is shown of a step is what it made, whatever is written there later."""
    if isinstance(value, (tuple, list)):
        return tuple(map(_copied, value))
    return value.detach().clone() if hasattr(value, "detach") else value


def stretches(program: p.Program) -> Iterator[list[tuple[int, p.Step]]]:
    """The steps, those that are compiled together in one list."""
    ends = {ref.index for step in program.steps if isinstance(step, p.Grad) for ref in step.inputs}
    together: list[tuple[int, p.Step]] = []
    for index, step in enumerate(program.steps):
        if not _is_compiled(step):
            if together:
                yield together
            together = []
            yield [(index, step)]
            continue
        together.append((index, step))
        if index in ends:
            yield together
            together = []
    if together:
        yield together


def _is_compiled(step: p.Step) -> bool:
    return isinstance(step, (p.Call, p.Item)) and not step.modes


def backend(compiler: str) -> TorchCompile:
    """PyTorch's compiler, with one of its backends by name, or one of yours as ``module:function``."""
    torch = torch_backend.backend().ns
    if ":" in compiler:
        module, _, function = compiler.partition(":")
        return TorchCompile(torch, compiler, getattr(import_module(module), function))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if compiler not in torch._dynamo.list_backends(exclude_tags=()):
            raise LookupError(f"torch.compile has no backend {compiler!r}")
    return TorchCompile(torch, compiler, compiler)
