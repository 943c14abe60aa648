"""Clauses of forward mode: dual tensors and their tangents."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import numbers, one_of, pairs, rows, with_case


def jvp_through_dual(torch: Any, drawn: Any) -> Any:
    a, v = drawn
    fw = torch.autograd.forward_ad
    with fw.dual_level():
        x = fw.make_dual(torch.tensor(a, dtype=torch.float64), torch.tensor(v, dtype=torch.float64))
        out = fw.unpack_dual(x * x * x - 2 * x)
        return out.primal.tolist(), out.tangent.tolist()


@clause(
    "forward.jvp-through-dual",
    "A function of dual tensors gives an output whose tangent is the Jacobian times the tangents.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_jvp_through_dual(check: Any, scene: Any = scenario(jvp_through_dual, pairs)) -> None:
    check(scene)


def requires_level(torch: Any, drawn: Any) -> Any:
    x = torch.tensor(drawn)
    return torch.autograd.forward_ad.make_dual(x, x)


@clause(
    "forward.requires-level",
    "make_dual where no level runs is an error.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_requires_level(check: Any, scene: Any = scenario(requires_level, numbers)) -> None:
    check(scene)


def no_nesting(torch: Any, drawn: Any) -> Any:
    fw = torch.autograd.forward_ad
    with fw.dual_level(), fw.dual_level():
        return drawn


@clause(
    "forward.no-nesting",
    "A dual level cannot be entered inside another.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_no_nesting(check: Any, scene: Any = scenario(no_nesting, numbers)) -> None:
    check(scene)


def unpack_nondual(torch: Any, drawn: Any) -> Any:
    values, inside = drawn
    fw, x = torch.autograd.forward_ad, torch.tensor(values)
    if not inside:
        return fw.unpack_dual(x).tangent is None, fw.unpack_dual(x).primal is x
    with fw.dual_level():
        return fw.unpack_dual(x).tangent is None, fw.unpack_dual(x).primal.tolist()


@clause(
    "forward.unpack-nondual",
    "Unpacking a tensor that has no tangent, or outside a level, gives None for the tangent.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_unpack_nondual(check: Any, scene: Any = scenario(unpack_nondual, with_case(2))) -> None:
    check(scene)


def unpack_namedtuple(torch: Any, drawn: Any) -> Any:
    fw, x = torch.autograd.forward_ad, torch.tensor(drawn)
    with fw.dual_level():
        pair = fw.unpack_dual(fw.make_dual(x, x))
        return type(pair).__name__, pair._fields, pair[1].tolist()


@clause(
    "forward.unpack-namedtuple",
    "unpack_dual gives a named tuple with the fields primal and tangent.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_unpack_namedtuple(check: Any, scene: Any = scenario(unpack_namedtuple, numbers)) -> None:
    check(scene)


def exit_deletes_tangents(torch: Any, drawn: Any) -> Any:
    values, count = drawn
    fw, x = torch.autograd.forward_ad, torch.tensor(values)
    with fw.dual_level():
        out = fw.make_dual(x, x) * 2
    seen = [fw.unpack_dual(out).tangent is None]
    for _ in range(count):
        with fw.dual_level():
            seen.append(fw.unpack_dual(out * 1).tangent is None)
    return seen


@clause(
    "forward.exit-deletes-tangents",
    "When the level ends, tensors that are still held have no tangent any more.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_exit_deletes_tangents(check: Any, scene: Any = scenario(exit_deletes_tangents, one_of(1, 2))) -> None:
    check(scene)


def tangent_kept_as_is(torch: Any, drawn: Any) -> Any:
    values, same = drawn
    fw = torch.autograd.forward_ad
    x = torch.tensor([values, values, values], dtype=torch.float64)
    t = x + 1 if same else (x + 1).t().contiguous().t()
    with fw.dual_level():
        pair = fw.unpack_dual(fw.make_dual(x, t))
        return pair.tangent is t, pair.tangent.stride(), pair.tangent.tolist()


@clause(
    "forward.tangent-kept-as-is",
    "A tangent with the layout of its primal is kept itself, another is copied.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_tangent_kept_as_is(check: Any, scene: Any = scenario(tangent_kept_as_is, one_of(True, False))) -> None:
    check(scene)


def primal_aliased(torch: Any, drawn: Any) -> Any:
    fw, x = torch.autograd.forward_ad, torch.tensor(drawn)
    with fw.dual_level():
        dual = fw.make_dual(x, torch.ones_like(x))
        primal = fw.unpack_dual(dual).primal
        x.mul_(2)
        return dual is x, dual.tolist(), primal.tolist()


@clause(
    "forward.primal-aliased",
    "A dual tensor and its unpacked primal share the memory of the tensor that it was made from.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_primal_aliased(check: Any, scene: Any = scenario(primal_aliased, numbers)) -> None:
    check(scene)


def shape_mismatch(torch: Any, drawn: Any) -> Any:
    fw, x = torch.autograd.forward_ad, torch.tensor(drawn)
    with fw.dual_level():
        return fw.make_dual(x, torch.ones(len(drawn) + 1))


@clause(
    "forward.shape-mismatch",
    "A tangent of another size than its primal is refused.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_shape_mismatch(check: Any, scene: Any = scenario(shape_mismatch, numbers)) -> None:
    check(scene)


def dtype_mismatch_unchecked(torch: Any, drawn: Any) -> Any:
    fw, x = torch.autograd.forward_ad, torch.tensor(drawn)
    with fw.dual_level():
        pair = fw.unpack_dual(fw.make_dual(x, torch.ones(len(drawn), dtype=torch.float64)))
        return str(pair.primal.dtype), str(pair.tangent.dtype)


@clause(
    "forward.dtype-mismatch-unchecked",
    "The dtype of a tangent is not compared with that of the primal.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_dtype_mismatch_unchecked(check: Any, scene: Any = scenario(dtype_mismatch_unchecked, numbers)) -> None:
    check(scene)


def integer_error(torch: Any, drawn: Any) -> Any:
    values, primal = drawn
    fw, x = torch.autograd.forward_ad, torch.tensor(values)
    whole = torch.tensor([1] * len(values))
    with fw.dual_level():
        return fw.make_dual(whole, x) if primal else fw.make_dual(x, whole)


@clause(
    "forward.integer-error",
    "An integer primal or tangent is refused.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_integer_error(check: Any, scene: Any = scenario(integer_error, one_of(True, False))) -> None:
    check(scene)


def dual_of_dual_error(torch: Any, drawn: Any) -> Any:
    values, primal = drawn
    fw, x = torch.autograd.forward_ad, torch.tensor(values)
    with fw.dual_level():
        dual = fw.make_dual(x, x)
        return fw.make_dual(dual, x) if primal else fw.make_dual(x, dual)


@clause(
    "forward.dual-of-dual-error",
    "A tensor that has a tangent can be given no second one at the same level.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_dual_of_dual_error(check: Any, scene: Any = scenario(dual_of_dual_error, one_of(True, False))) -> None:
    check(scene)


def backward_through_make_dual(torch: Any, drawn: Any) -> Any:
    a, v = drawn
    fw = torch.autograd.forward_ad
    x = torch.tensor(a, dtype=torch.float64, requires_grad=True)
    t = torch.tensor(v, dtype=torch.float64, requires_grad=True)
    with fw.dual_level():
        dual = fw.make_dual(x, t)
        tangent = fw.unpack_dual(dual * dual * dual).tangent
        tangent.sum().backward()
    return x.grad.tolist(), t.grad.tolist()


@clause(
    "forward.backward-through-make-dual",
    "A tangent can be backpropagated to the primal and to the tangent that went in.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_backward_through_make_dual(check: Any, scene: Any = scenario(backward_through_make_dual, pairs)) -> None:
    check(scene)


def detach_drops_tangent(torch: Any, drawn: Any) -> Any:
    fw, x = torch.autograd.forward_ad, torch.tensor(drawn)
    with fw.dual_level():
        return fw.unpack_dual(fw.make_dual(x, x).detach()).tangent is None


@clause(
    "forward.detach-drops-tangent",
    "detach takes the tangent away.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_detach_drops_tangent(check: Any, scene: Any = scenario(detach_drops_tangent, numbers)) -> None:
    check(scene)


def inplace(torch: Any, drawn: Any) -> Any:
    values, case = drawn
    fw, x = torch.autograd.forward_ad, torch.tensor(values, dtype=torch.float64)
    with fw.dual_level():
        dual = fw.make_dual(x, x + 1)
        target = torch.ones(len(values), dtype=torch.float64)
        view = target[:1]
        if case == 0:
            target.copy_(dual)
        elif case == 1:
            target.mul_(dual)
        elif case == 2:
            view.copy_(dual[:1])
        else:
            dual.mul_(dual)
            target, view = dual, dual[:1]
        return [
            None if t is None else t.tolist() for t in (fw.unpack_dual(target).tangent, fw.unpack_dual(view).tangent)
        ]


@clause(
    "forward.inplace",
    "An in-place write carries the tangent to the tensor written and to views of it.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_inplace(check: Any, scene: Any = scenario(inplace, with_case(4))) -> None:
    check(scene)


def agrees_with_reverse(torch: Any, drawn: Any) -> Any:
    m, u = drawn
    x = torch.tensor(m, dtype=torch.float64)
    v = torch.tensor(u, dtype=torch.float64)

    def f(a):
        return (a * a - a) @ v

    out, tangent = torch.func.jvp(f, (x,), (x + 1,))
    given = torch.ones_like(out) * 2
    pulled = torch.func.vjp(f, x)[1](given)[0]
    return (tangent * given).sum().item(), (pulled * (x + 1)).sum().item()


@clause(
    "forward.agrees-with-reverse",
    "Forward mode and reverse mode give the same product with a vector on either side.",
    source="torch.autograd.forward_ad",
    profile="forward",
)
def test_agrees_with_reverse(check: Any, scene: Any = scenario(agrees_with_reverse, rows)) -> None:
    check(scene)


def visible_in_other_threads(torch: Any, drawn: Any) -> Any:
    import threading

    fw, x = torch.autograd.forward_ad, torch.tensor(drawn)
    seen = []
    with fw.dual_level():
        dual = fw.make_dual(x, torch.ones_like(x))
        thread = threading.Thread(target=lambda: seen.append(fw.unpack_dual(dual * 2).tangent.tolist()))
        thread.start()
        thread.join()
    return seen


@clause(
    "forward.visible-in-other-threads",
    "A level holds in threads that are started inside it.",
    source="torch.autograd.forward_ad",
    profile="threads",
)
def test_visible_in_other_threads(check: Any, scene: Any = scenario(visible_in_other_threads, numbers)) -> None:
    check(scene)
