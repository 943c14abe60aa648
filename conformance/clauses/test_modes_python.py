"""Clauses of ``mode``: modes as decorators and functions, factories, modules, forward mode."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, scenario
from .draws import numbers
from .seeing import attempt, facts

AREA = "grad-modes"
MODES = ("no_grad", "enable_grad", "inference_mode", "set_grad_enabled")


def entered(torch: Any, name: str) -> Any:
    """A mode by name; set_grad_enabled is taken with False."""
    return getattr(torch, name)(False) if name == "set_grad_enabled" else getattr(torch, name)()


def factories(torch: Any, drawn: Any) -> Any:
    data, (mode, name, options) = drawn
    with entered(torch, mode):
        made = {
            "tensor": lambda: torch.tensor(data, **options),
            "zeros": lambda: torch.zeros(len(data), **options),
            "full": lambda: torch.full((2,), data[0], **options),
            "ones_like": lambda: torch.ones_like(torch.tensor(data), **options),
            "Parameter": lambda: torch.nn.Parameter(torch.tensor(data)),
        }[name]()
        inside = facts(made), made.is_inference(), facts(made * 2)
    return inside, attempt(lambda: facts(made * 2)), attempt(lambda: torch.autograd.grad((made + 1).sum(), made))


def draw_factory(b: Builder) -> Any:
    name = b.pick(("tensor", "zeros", "full", "ones_like", "Parameter"))
    return numbers(b), (b.pick(MODES), name, b.pick(({"requires_grad": True}, {"requires_grad": True}, {})))


@clause(
    "mode.no-grad-factory-exception",
    "A factory called with requires_grad=True, and nn.Parameter, give tensors that require grad also under no_grad.",
    source="torch.no_grad",
    area=AREA,
)
def test_factories(check: Any, drawn: Any = scenario(factories, draw_factory)) -> None:
    check(drawn)


@clause(
    "mode.requires-grad-forced-false",
    "The page says that the modes which disable gradients override requires_grad with False; seen is that this "
    "holds for results of operations, not for factories that are asked for a gradient (drift).",
    source="notes/autograd#Grad Modes",
    area=AREA,
)
def test_forced(check: Any, drawn: Any = scenario(factories, draw_factory)) -> None:
    check(drawn)


def decorated(torch: Any, drawn: Any) -> Any:
    data, (mode, bare, outer, fails) = drawn
    x = torch.tensor(data, requires_grad=True)
    seen: list[Any] = []

    def body(depth: int, *, factor: int = 2) -> Any:
        """Multiplies."""
        seen.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
        if depth:
            return wrapped(depth - 1, factor=factor + 1)
        if fails:
            raise ValueError("inside")
        return x * factor

    decorator = getattr(torch, mode) if bare and mode != "set_grad_enabled" else entered(torch, mode)
    wrapped = decorator(body)
    at_definition = torch.is_grad_enabled()
    with getattr(torch, outer)():
        result = attempt(lambda: facts(wrapped(1)))
        after = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    return at_definition, result, seen, after, torch.is_grad_enabled(), wrapped.__name__, wrapped.__doc__


def draw_decorated(b: Builder) -> Any:
    return numbers(b), (b.pick(MODES), bool(b.choose(2)), b.pick(("enable_grad", "no_grad")), b.chance(4))


@clause(
    "mode.decorator",
    "The modes decorate functions, with parentheses or without; the mode holds in each call and ends with it.",
    source="torch.no_grad",
    area=AREA,
)
def test_decorated(check: Any, drawn: Any = scenario(decorated, draw_decorated)) -> None:
    check(drawn)


def generator(torch: Any, drawn: Any) -> Any:
    mode, actions = drawn
    seen: list[Any] = []

    def note(place: str) -> None:
        seen.append((place, torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    def body(count: int) -> Any:
        note("start")
        try:
            for k in range(count):
                try:
                    got = yield k
                    note(f"got {got}")
                except ValueError:
                    note("caught")
        finally:
            note("end")
        return count

    made = entered(torch, mode)(body)(3)
    note("made")
    for action in actions:
        step = {
            "next": lambda: next(made),
            "send": lambda: made.send("a" if len(seen) > 2 else None),
            "throw": lambda: made.throw(ValueError("thrown")),
            "close": lambda: made.close(),
        }[action]
        seen.append(attempt(step))
        note("between")
    return seen


def draw_generator(b: Builder) -> Any:
    actions = ["next", *(b.pick(("next", "next", "send", "throw", "close")) for _ in range(b.integer(1, 5)))]
    return b.pick(MODES), actions


@clause(
    "mode.decorator-generator",
    "A decorated generator runs its body under the mode, and gives control back without it.",
    source="observed",
    area=AREA,
)
def test_generator(check: Any, drawn: Any = scenario(generator, draw_generator)) -> None:
    check(drawn)


def set_at_once(torch: Any, drawn: Any) -> Any:
    data, settings = drawn
    x = torch.tensor(data, requires_grad=True)
    seen = []
    before = torch.is_grad_enabled()
    try:
        for setting, inside in settings:
            if inside:
                with torch.no_grad():
                    torch.set_grad_enabled(setting)
                    seen.append((torch.is_grad_enabled(), (x * 2).requires_grad))
            else:
                torch.set_grad_enabled(setting)
            seen.append((torch.is_grad_enabled(), (x * 2).requires_grad))
    finally:
        torch.set_grad_enabled(before)
    return seen, torch.is_grad_enabled()


def draw_settings(b: Builder) -> Any:
    return numbers(b), [(bool(b.choose(2)), b.chance(3)) for _ in range(b.integer(1, 4))]


@clause(
    "mode.set-grad-enabled-function",
    "set_grad_enabled(flag) called as a function takes effect at once and lasts, up to the end of a block around it.",
    source="torch.set_grad_enabled",
    area=AREA,
)
def test_set_at_once(check: Any, drawn: Any = scenario(set_at_once, draw_settings)) -> None:
    check(drawn)


def tangents(torch: Any, drawn: Any) -> Any:
    data, (mode, inside) = drawn
    fw = torch.autograd.forward_ad
    x, t = (torch.tensor(d, dtype=torch.float64) for d in (data, [v + 1 for v in data]))
    with fw.dual_level():
        if inside:
            with entered(torch, mode):
                y = fw.make_dual(x, t) * 3
        else:
            dual = fw.make_dual(x, t)
            with entered(torch, mode):
                y = dual * dual + 1
        with entered(torch, mode):
            during = fw.unpack_dual(y)
        after = fw.unpack_dual(y)
        # Adding 0.0 takes the sign off a zero.
        return [[part if part is None else [v + 0.0 for v in part.tolist()] for part in p] for p in (during, after)]


def draw_tangents(*modes: str) -> Any:
    return lambda b: (numbers(b), (b.pick(modes), bool(b.choose(2))))


@clause(
    "mode.no-grad-does-not-affect-forward-ad",
    "no_grad leaves forward mode on: tangents are computed.",
    source="torch.no_grad",
    area=AREA,
    profile="forward",
)
def test_tangents(check: Any, drawn: Any = scenario(tangents, draw_tangents("no_grad", "set_grad_enabled"))) -> None:
    check(drawn)


@clause(
    "mode.inference-disables-forward-ad",
    "Inference mode switches forward mode off too: what is computed in it has no tangent.",
    source="torch.inference_mode",
    area=AREA,
    profile="forward",
)
def test_no_tangents(check: Any, drawn: Any = scenario(tangents, draw_tangents("inference_mode"))) -> None:
    check(drawn)


def evaluation(torch: Any, drawn: Any) -> Any:
    data, (training, kind) = drawn
    nn = torch.nn
    net = {
        "linear": lambda: nn.Linear(1, 2),
        "dropout": lambda: nn.Sequential(nn.Linear(1, 2), nn.Dropout(0.0), nn.Tanh()),
        "nested": lambda: nn.Sequential(nn.Sequential(nn.Linear(1, 1)), nn.Linear(1, 2)),
    }[kind]()
    for p in net.parameters():
        p.data.fill_(0.5)
    net = net.train(training)
    out = net(torch.tensor([[v] for v in data]))
    out.sum().backward()
    flags = [m.training for m in net.modules()]
    return flags, out.requires_grad, torch.is_grad_enabled(), [p.grad is not None for p in net.parameters()]


@clause(
    "mode.eval-unrelated",
    "eval() of a module doesn't switch recording off.",
    source="notes/autograd#Evaluation Mode",
    area=AREA,
)
def test_evaluation(
    check: Any,
    drawn: Any = scenario(
        evaluation, lambda b: (numbers(b), (bool(b.choose(2)), b.pick(("linear", "dropout", "nested"))))
    ),
) -> None:
    check(drawn)
