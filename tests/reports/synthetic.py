"""Results files made up for tests of the page: the format of a real run, with any size and any text."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

Record = dict[str, Any]

AREAS = {
    "backward": ("accumulates-into-leaf-grad", "fan-out-sums", "non-scalar-needs-gradient", "retain-graph-twice"),
    "hooks": ("tensor-hook-order", "hook-return-replaces", "remove-handle", "post-accumulate-sees-grad"),
    "views-and-in-place": ("version-bumps", "view-rebases-history", "leaf-in-place-raises", "saved-modified-raises"),
    "modes": ("no-grad-records-nothing", "inference-tensor-raises", "enable-grad-nested"),
}
FAMILIES = {"pointwise": ("sin", "exp", "pow", "relu"), "reduce": ("sum", "prod", "max.dim"), "linalg": ("svd", "det")}
PROPERTIES = ("forward", "vjp", "double-backward", "jvp", "in-place", "layouts", "dtype")
PROFILES = {"backward": "tape", "hooks": "hooks", "views-and-in-place": "mutation", "modes": "tape"}

PROGRAM: Record = {
    "format": 1,
    "steps": [
        {"step": "leaf", "data": {"bytes": "AADAPwAAIMA="}, "dtype": "float32", "shape": [2], "layout": "contiguous",
         "requires_grad": True, "modes": []},
        {"step": "call", "op": "mul", "args": [{"ref": 0}, {"float": "0x1.8000000000000p+1"}], "attrs": [],
         "form": "operator", "modes": []},
        {"step": "call", "op": "view", "args": [{"ref": 1}, [2, 1]], "attrs": [], "form": "method", "modes": []},
        {"step": "hook", "value": {"ref": 1}, "kind": "tensor", "action": "double", "tag": "h", "modes": []},
        {"step": "call", "op": "sin", "args": [{"ref": 2}], "attrs": [], "form": "inplace", "modes": []},
        {"step": "call", "op": "sum", "args": [{"ref": 1}], "attrs": [], "form": "function", "modes": []},
        {"step": "backward", "roots": [{"ref": 5}], "gradients": None, "inputs": None, "retain_graph": None,
         "create_graph": False, "form": "method", "modes": []},
        {"step": "grad_of", "value": {"ref": 0}, "modes": []},
    ],
}  # fmt: skip
SCRIPT = """import numpy as np
import autograd as torch

a = torch.tensor([1.5, -2.5], requires_grad=True)
b = a * 3.0
c = b.view(2, 1)
b.register_hook(lambda g: g * 2)
c.sin_()
b.sum().backward()
print(a.grad)  # tensor([-1.2647, 2.0800]) expected
"""


def saw(*values: object, dtype: str = "float32", **more: object) -> Record:
    return {"dtype": dtype, "shape": [len(values)], "values": list(values), "truncated": False, **more}


def header(engine: str = "refgrad", seed: int = 7) -> Record:
    return {
        "type": "run",
        "format": 1,
        "suite": "0.1.0",
        "backend": {"name": engine, "version": "0.1.0", "family": "torchlike", "claims": ["backward", "grad", "hooks"]},
        "oracle": {"name": "torch", "version": "2.13.0"},
        "profile": "quick",
        "seed": seed,
        "platform": "Linux x86_64",
        "python": "3.11.7",
        "started": "2026-01-05T10:00:00Z",
    }


def result(identity: str, status: str = "pass", **more: object) -> Record:
    programs = 0 if status in ("not-claimed", "not-applicable") else 8
    return {
        "type": "result",
        "id": identity,
        "kind": "clause",
        "area": identity.split(".")[0],
        "family": None,
        "operator": None,
        "property": None,
        "sentence": f"What {identity} says, in one sentence.",
        "source": "torch.Tensor.backward",
        "profile": "tape",
        "status": status,
        "programs": programs,
        "witnessed": programs,
        "filtered": 0,
        "ill_posed": 0,
        "unspecified": 0,
        "seconds": 0.03,
        "digest": f"d-{identity}",
        "needs": ["backward"],
        "findings": [],
        "seen": {"dtypes": ["float32"], "ranks": [0, 1, 2], "layouts": ["contiguous"], "keywords": {}},
        "headroom": 0.2 if programs else None,
        "message": None,
        **more,
    }


def finding(identity: str, of: str, **more: object) -> Record:
    return {
        "type": "finding",
        "id": identity,
        "result": of,
        "dedup": f"{of}|value",
        "verdict": "backend",
        "kind": "value",
        "step": 7,
        "program": PROGRAM,
        "script": SCRIPT,
        "backend_saw": saw(-0.632, 1.04, requires_grad=False),
        "oracle_saw": saw(-1.2647, 2.08, requires_grad=False),
        "arbiter": {"verdict": "backend", "method": "mpmath, 50 digits", "reason": "the oracle agrees to 0.4 ulp"},
        "error_abs": 1.04,
        "error_scaled": 8.7e6,
        "count": 5,
        "message": "the gradient of leaf 0 differs in 2 of 2 entries",
        **more,
    }


def operator_result(family: str, operator: str, prop: str, status: str = "pass", **more: object) -> Record:
    base = {"kind": "operator", "area": None, "family": family, "operator": operator, "property": prop}
    return result(f"op/{operator}/{prop}", status, **{**base, "profile": "values", **more})


def end(records: list[Record]) -> Record:
    counts: dict[str, int] = {}
    for record in records:
        if record["type"] == "result":
            counts[record["status"]] = counts.get(record["status"], 0) + 1
    programs = sum(record.get("programs", 0) for record in records)
    return {"type": "end", "digest": "0" * 64, "counts": counts, "programs": programs, "seconds": 12.5, "rate": 2400.0}


def run(engine: str = "refgrad", seed: int = 7, failing: float = 0.0) -> list[Record]:
    """A small complete run; ``failing`` is the share of results that are something else than a pass."""
    draw = random.Random(f"{engine}-{seed}")
    others = ("fail", "fail", "fail", "not-claimed", "known", "crash", "convention", "ill-posed", "unspecified")
    records: list[Record] = [header(engine, seed)]
    for area, names in AREAS.items():
        for name in names:
            status = draw.choice(others) if draw.random() < failing else "pass"
            records.append(result(f"{area}.{name}", status, area=area, profile=PROFILES[area]))
    for family, operators in FAMILIES.items():
        for operator in operators:
            for prop in PROPERTIES:
                status = draw.choice(others) if draw.random() < failing / 2 else "pass"
                records.append(operator_result(family, operator, prop, status))
    records += list(_findings(records))
    records.append(end(records))
    return records


def _findings(records: list[Record]) -> list[Record]:
    found: list[Record] = []
    for record in records:
        if record.get("status") in ("fail", "crash"):
            record["findings"] = [f"{record['id']}-1"]
            kind = "death" if record["status"] == "crash" else ("value", "dtype", "order")[len(found) % 3]
            found.append(finding(f"{record['id']}-1", record["id"], kind=kind))
    return found


def large(engine: str, clauses: int, operators: int, failing: int = 300) -> list[Record]:
    """``clauses`` + 10 × ``operators`` results, every n-th failing."""
    records: list[Record] = [header(engine)]
    for number in range(clauses):
        records.append(result(f"area{number % 25}.behaviour-{number}", area=f"area{number % 25}"))
    for number in range(operators):
        for prop in range(10):
            records.append(operator_result(f"family{number % 20}", f"op{number}", f"property-{prop}"))
    step = max(1, len(records) // max(failing, 1))
    for record in records[1::step]:
        record["status"] = "fail"
    records += _findings(records)
    records.append(end(records))
    return records


def write(path: Path, records: list[Record]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
