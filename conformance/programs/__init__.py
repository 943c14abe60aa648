"""A program is plain data, and a trace is what running it showed."""
