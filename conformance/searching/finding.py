"""A finding: the smallest program that shows a divergence, its script, what each side gave and who is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..backends import Backend
from ..judging.compare import Divergence
from ..judging.judge import Judgement
from ..programs.program import Call, Item, Leaf, Program
from ..programs.trace import Outcome, encode_outcome
from .foreign import choice
from .native import native_script
from .script import script

if TYPE_CHECKING:
    from ..judging.arbitrate import Opinion


@dataclass(frozen=True, slots=True)
class Finding:
    """``line`` is its form in results.jsonl; ``text`` what the terminal shows."""

    line: dict[str, Any]
    text: str


def find_fault(
    result: dict[str, Any],
    program: Program,
    judgement: Judgement,
    backend: Backend,
    oracle: Backend,
    opinion: Opinion | None = None,
    count: int = 1,
) -> Finding:
    """Arbitrates a divergence, where there is no ``opinion`` of it yet, and puts the finding together. ``count``: how
    many of the drawn programs show it."""
    # It computes with mpmath, which whoever only collects or finds nothing need not import.
    from ..judging import arbitrate as arbiter

    found = judgement.divergence
    assert found is not None
    if judgement.verdict or opinion is None:
        verdict = judgement.verdict
        opinion = arbiter.Opinion(verdict, None) if verdict else arbiter.arbitrate(program, found, convention(result))
    chosen = choice(program, judgement, backend, oracle, convention(result))
    if chosen is not None:
        opinion = arbiter.Opinion("convention", {"text": chosen})
    source = source_of(program, backend, expected_text(found), shown_step(program, found))
    line = {
        "type": "finding",
        "id": f"{result['id']}#{program.digest()[:12]}",
        "result": result["id"],
        "dedup": f"{result.get('operator') or result['id']}|{result.get('property') or ''}|{found.kind}",
        "verdict": opinion.verdict,
        "kind": found.kind,
        "step": found.step,
        "place": found.place[0],
        "program": _as_json(program),
        "script": source,
        "backend_saw": seen(found.backend),
        "oracle_saw": seen(found.oracle),
        "arbiter": opinion.evidence,
        "error_abs": _finite(found.error_abs),
        "error_scaled": _finite(found.error_scaled),
        "count": max(count, 1),
        "message": found.message,
    }
    return Finding(line, text(result, line, found, backend, oracle))


def convention(result: dict[str, Any]) -> bool:
    """Whether the programs stand where a choice is a convention. For an engine of PyTorch's surface a clause's choice is
    PyTorch's promise; for another it is one among several."""
    return result.get("property") == "convention" or bool(result.get("convention"))


def is_conventional(program: Program, judgement: Judgement, at_kink: bool) -> bool:
    """Whether the arbiter files a difference as another choice."""
    from ..judging import arbitrate as arbiter

    found = judgement.divergence
    if found is None or judgement.verdict:
        return False
    return arbiter.arbitrate(program, found, at_kink).verdict == "convention"


def _as_json(program: Program) -> dict[str, Any]:
    from ..programs.codec import encode_program

    return encode_program(program)


def _finite(value: float | None) -> float | None:
    return value if value is not None and value < float("inf") else None


def seen(outcome: Outcome | None) -> Any:
    return None if outcome is None else encode_outcome(outcome)


def source_of(program: Program, backend: Backend, expected: str = "", shown: int | None = None) -> str:
    """A script that shows what a program does on the engine, in the engine's own environment."""
    if backend.family == "torchlike" and not backend.name.startswith("torch:"):
        return script(program, module_of(backend), expected, shown)
    return native_script(program, backend.name, shown, expected)


def module_of(backend: Backend) -> str:
    """The module a script imports for a torch-like backend."""
    name = getattr(backend, "module", None) or getattr(getattr(backend, "ns", None), "__name__", "torch")
    return name if name.isidentifier() or "." in name else "torch"


def shown_step(program: Program, found: Divergence) -> int | None:
    """The step whose value shows the divergence."""
    kind, step, _ = found.place
    if step >= len(program.steps):
        return None
    if kind == "gradient" or (kind == "step" and isinstance(program.steps[step], (Call, Item, Leaf))):
        return step
    return step if kind == "step" else None


def expected_text(found: Divergence) -> str:
    """What the oracle gave, on one line."""
    return brief(found.oracle)


def brief(outcome: Outcome | None) -> str:
    """An outcome on one line of at most 160 characters."""
    if outcome is None:
        return ""
    data = encode_outcome(outcome)
    if isinstance(data, dict) and "values" in data:
        extra = {k: v for k, v in data.items() if k not in ("values", "dtype", "shape", "truncated")}
        facts = "".join(f" {k}={v}" for k, v in extra.items())
        return f"{data['dtype']}{data['shape']} {data['values']}"[:160] + facts[:120]
    if isinstance(data, dict) and "raised" in data:
        return f"{data['raised']}: {data['message']}".splitlines()[0][:160]
    return str(data)[:160]


def text(result: dict[str, Any], line: dict[str, Any], found: Divergence, backend: Backend, oracle: Backend) -> str:
    """What a failing clause prints."""
    gave = [
        f"  {side.name} gave: {brief(outcome)}"
        for side, outcome in ((backend, found.backend), (oracle, found.oracle))
        if outcome is not None
    ]
    who = {
        "backend": f"{backend.name} is wrong",
        "oracle": f"{oracle.name} is wrong",
        "both": "both are wrong",
        "convention": "a matter of convention",
        "undecided": "undecided who is right",
    }[line["verdict"]]
    evidence = f" ({line['arbiter']['text']})" if line["arbiter"] and line["arbiter"].get("text") else ""
    return "\n".join(
        [
            f"{result['id']}: {result['sentence']}",
            f"source: {result['source']}",
            "",
            *("    " + part for part in line["script"].splitlines()),
            "",
            f"step {found.step} ({found.place[0]}): {found.message}",
            *gave,
            f"  {who}{evidence}",
        ]
    )
