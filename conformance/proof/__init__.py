"""Engines broken on purpose: what the suite catches, and what it would miss."""
