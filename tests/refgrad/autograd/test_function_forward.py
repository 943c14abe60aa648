"""A custom Function in forward mode, without PyTorch: its jvp is called with the tangents and what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import refgrad as torch
from refgrad._forward import enter_level, exit_level, set_tangent, tangent_of


@pytest.fixture
def level() -> Iterator[int]:
    number = enter_level()
    yield number
    exit_level(number)


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, factor: float) -> Any:
        ctx.save_for_forward(x, y)
        ctx.factor = factor
        return x * y * factor, x + y

    @staticmethod
    def jvp(ctx: Any, tx: Any, ty: Any, factor: Any) -> Any:
        x, y = ctx.saved_tensors
        assert factor is None
        tx = x * 0 if tx is None else tx
        ty = y * 0 if ty is None else ty
        return (tx * y + x * ty) * ctx.factor, tx + ty


def test_tangents_of_the_outputs(level: int) -> None:
    x, y = torch.tensor([2.0, 3.0]), torch.tensor([5.0, 7.0])
    set_tangent(x, level, torch.tensor([1.0, 10.0]))
    product, total = Product.apply(x, y, 2.0)
    assert tangent_of(product, level).tolist() == [10.0, 140.0]
    assert tangent_of(total, level).tolist() == [1.0, 10.0]


def test_no_tangent_no_jvp(level: int) -> None:
    product, _ = Product.apply(torch.tensor([2.0]), torch.tensor([5.0]), 2.0)
    assert tangent_of(product, level) is None


def test_missing_jvp(level: int) -> None:
    class Plain(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    x = torch.ones(2)
    set_tangent(x, level, torch.ones(2))
    with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
        Plain.apply(x)


def test_wrong_number_of_tangents(level: int) -> None:
    class Short(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x * 3

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:
            return t * 2

    x = torch.ones(2)
    set_tangent(x, level, torch.ones(2))
    with pytest.raises(RuntimeError, match="returned 1 tangents for 2 outputs"):
        Short.apply(x)
