"""Engines timed side by side on the same work (pytest-benchmark)."""
