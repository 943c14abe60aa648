"""The rows, by family. Importing this package imports every module in it, and so registers all rows."""

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(m.name for m in iter_modules(__path__)):
    import_module(f".{_module}", __name__)

from .names import aten
