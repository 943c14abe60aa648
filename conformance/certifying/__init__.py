"""Certificates: an engine in an environment of its own, judged from outside."""
