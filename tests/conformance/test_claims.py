"""Claims are probed, and the README's recipe for a backend works on fresh engines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.backends import Backend, load
from conformance.backends.functional import Functional
from conformance.catalogue import find
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Stream
from conformance.judging.judge import Judge
from conformance.programs.trace import Observed
from conformance.promises.check import Check, Outcome, Settings
from conformance.promises.clause import Clause, generate
from conformance.promises.probing import PROBES
from conformance.promises.properties import PROPERTIES, properties_of

from . import toy_engine as toy

pytest.importorskip("torch")
README = Path(__file__).parents[2] / "README.md"


def checked(backend: Backend) -> tuple[Check, list[Outcome]]:
    outcomes: list[Outcome] = []
    return Check(Judge(backend, load("torch")), Settings(examples=8), outcomes.append), outcomes


def claim(backend: Backend, capability: str) -> Outcome:
    check, outcomes = checked(backend)
    check.claim(capability)
    return outcomes[0]


def test_every_claim_of_the_toy_is_true() -> None:
    held = [name for name in PROBES if name in toy.backend.claims]
    assert {"vjp", "grad", "double", "transform:vjp", "transform:grad", "dtype:float32"} <= set(held)
    assert {name: claim(toy.backend, name).status for name in held} == dict.fromkeys(held, "pass")


@pytest.mark.parametrize("capability", ["transform:jvp", "transform:vmap", "hooks", "modes", "inplace", "backward"])
def test_a_claim_that_is_not_true_fails(capability: str) -> None:
    boaster = Functional("boaster", "1.0", toy.OPERATORS, toy.vjp, array=toy.Var, numpy=lambda x: x.value)
    boaster.claims |= {capability}
    outcome = claim(boaster, capability)
    assert outcome.status == "fail"
    assert f"{capability} is claimed" in outcome.result["message"]


def test_a_wrong_derivative_makes_the_claim_untrue() -> None:
    wrong = Functional("wrong", "1.0", {"exp": lambda x: toy.Var(toy.exp(x).value, ((x, toy.neg),))}, toy.vjp)
    wrong.array, wrong.numpy = toy.Var, lambda x: x.value
    assert claim(wrong, "vjp").status == "fail"


def test_an_ability_that_is_not_claimed_is_pointed_out() -> None:
    shy = Functional("shy", "1.0", toy.OPERATORS, toy.vjp, array=toy.Var, numpy=lambda x: x.value)
    shy.claims -= {"double"}
    outcome = claim(shy, "double")
    assert outcome.status == "not-claimed"
    assert "may be claimed" in outcome.result["message"]
    assert "may be claimed" not in claim(shy, "transform:vmap").result["message"]


def test_an_operator_that_refuses_every_program_is_no_operator() -> None:
    boaster = Functional("boaster", "1.0", {"tan": toy.tan}, toy.vjp, array=toy.Var, numpy=lambda x: x.value)
    check, outcomes = checked(boaster)
    kind = PROPERTIES["forward"]
    check.operator(find("tan"), kind, one_operator(find("tan"), kind.build))
    assert outcomes[0].status == "fail"
    assert "op:tan is claimed" in outcomes[0].result["message"]


@pytest.mark.parametrize(("partly", "status"), [(True, "not-claimed"), (False, "harness-error")])
def test_a_situation_that_claimed_programs_never_show_is_not_claimed(partly: bool, status: str) -> None:
    """What needs more than the engine claims might have shown it: so that the engine isn't judged, and no fault is
    anyone's. Where all is claimed, the clause itself is at fault."""
    check, outcomes = checked(toy.backend)

    def build(b: Builder) -> None:
        b.call("tan" if partly and b.source.choose(2) else "sin", b.leaf((2,)))

    stated = Clause("x.never", "Never.", "nowhere", "x", "tape", lambda trace: False, frozenset(), False)
    check.clause = stated
    check(generate(build, ("float64",)))
    assert outcomes[0].status == status


@pytest.mark.parametrize("operator", toy.OPERATORS)
def test_the_toy_is_judged_from_a_file(operator: str) -> None:
    check, outcomes = checked(load(str(Path(toy.__file__))))
    line = find(operator)
    for kind in properties_of(line):
        check.operator(line, kind, one_operator(line, kind.build, kind.dtypes(line)))
    status = {outcome.result["property"]: outcome.status for outcome in outcomes}
    assert set(status.values()) <= {"pass", "not-claimed"}
    assert {kind for kind, found in status.items() if found == "pass"} >= {"forward", "vjp", "double", "edge"}


def test_the_recipe_of_the_readme(tmp_path: Path) -> None:
    recipe = README.read_text(encoding="utf-8").partition("### Add a backend")[2]
    code = re.search(r"```python\n(.*?)```", recipe, re.DOTALL)
    assert code is not None
    file = tmp_path / "mine.py"
    file.write_text(code[1].replace("import myengine", "import refgrad as myengine"), encoding="utf-8")
    backend = load(str(file))
    assert backend.name == "mine"
    assert claim(backend, "double").status == "pass"


def test_an_operand_given_by_keyword_gets_its_gradient() -> None:
    """A gradient that the adapter forgot would be blamed on the engine."""
    operators = {"diff": lambda x, n=1, dim=-1, append=None: x * 2 if append is None else x * 2 + append}
    engine = Functional("keyword", "1.0", operators, toy.vjp, array=toy.Var, numpy=lambda x: x.value)
    b = Builder(Stream(0))
    x, y = b.given((1.0, 2.0), (2,)), b.given((3.0, 4.0), (2,))
    z = b.call("diff", x, n=1, dim=0, append=y)
    b.backward(z, gradient=b.given((1.0, 5.0), (2,), requires_grad=False))
    found = engine.execute(b.program()).gradients.values()
    assert [seen.array.tolist() for seen in found if isinstance(seen, Observed)] == [[2.0, 10.0], [1.0, 5.0]]
