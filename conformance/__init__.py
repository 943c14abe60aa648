"""A conformance suite for automatic differentiation, by random programs."""

__version__ = "0.1.0"
