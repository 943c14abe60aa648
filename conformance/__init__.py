"""A conformance suite for automatic differentiation engines: random programs, judged against PyTorch."""
