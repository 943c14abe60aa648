"""Prints the golden digests anew, for ``test_programs``: ``python -m tests.conformance.golden``."""

from __future__ import annotations

from .test_programs import GOLDEN, drawn

if __name__ == "__main__":
    for name in GOLDEN:
        print(f'    "{name}": "{drawn(name).digest()[:16]}",')
