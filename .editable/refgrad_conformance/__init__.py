"""In a checkout, `refgrad_conformance` is another name for the folders `conformance`, `reports` and `benchmarks`.

The wheel renames those folders; an editable install can't, so this alias makes the same imports work in both places,
and hands out the *same* module objects: two copies of a class would not be equal.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PREFIX = f"{__name__}."
MOVED = ("reports", "benchmarks")


def real_name(name: str) -> str:
    """The checkout's name of a module that the wheel calls `name`."""
    tail = name.removeprefix(PREFIX)
    return tail if tail.split(".")[0] in MOVED else f"conformance.{tail}"


class Alias(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname.startswith(PREFIX) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(real_name(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import machinery has just put the alias's spec on the real module: give its own back.
        spec = module.__spec__
        module.__spec__ = spec.loader_state if spec else None


sys.meta_path.insert(0, Alias())
