"""Programs are drawn: choices, shapes, values, steps."""
