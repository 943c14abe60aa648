"""The catalogue covers PyTorch's documented operators, and draws over what they document. The counts may only grow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from conformance.catalogue import Operator, operators
from conformance.drawing.build import Builder
from conformance.drawing.source import Stream, mix

INVENTORY = Path(__file__).with_name("inventory.txt")
WANTED = frozenset(line for line in INVENTORY.read_text().splitlines() if line and not line.startswith("#"))
LINES, DRAWS = 560, 40
# Keywords that take one value only, and why.
INDICES = "without indices the result is the first of the same two"
FIXED = {
    **{f"nn.functional.{kind}max_pool{n}d.return_indices": INDICES for kind in ("", "adaptive_") for n in (1, 2, 3)},
    **{f"nn.functional.fractional_max_pool{n}d.return_indices": INDICES for n in (2, 3)},
    **{f"{name}.pivot": "PyTorch has no LU without pivoting on the CPU" for name in
       ("lu", "linalg.lu", "linalg.lu_factor", "linalg.lu_factor_ex")},
    "sort.stable": "which of equal elements comes first is undefined without it",
    "topk.sorted": "the order of what is not sorted is undefined",
    "stft.return_complex": "the real form is deprecated and raises",
    "nn.functional.ctc_loss.blank": "not yet drawn",
}  # fmt: skip


def drawn_keywords(lines: Iterable[Operator]) -> dict[str, set[str]]:
    """The values that each keyword of a function takes in a number of draws, over all its lines."""
    found: dict[str, set[str]] = {}
    for line in lines:
        for index in range(DRAWS):
            b = Builder(Stream(mix(7, index)), line.dtypes[index % len(line.dtypes)])
            _, attrs = line.strategy.draw(b)
            for name, value in attrs.items():
                found.setdefault(f"{line.path}.{name}", set()).add(repr(value))
    return found


def test_every_operator_of_the_inventory_has_a_line() -> None:
    assert len(WANTED) == 450
    assert WANTED - operators().keys() == set()


def test_the_number_of_lines_does_not_fall() -> None:
    assert len(operators()) >= LINES


def test_every_keyword_takes_two_values() -> None:
    lonely = {name for name, values in drawn_keywords(operators().values()).items() if len(values) < 2}
    assert lonely == FIXED.keys()
