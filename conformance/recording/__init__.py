"""Results as JSON lines: written one by one, read with care, grouped by cause."""
