"""Programs that differ are found, shrunk to a script, and excused only for a recorded fault of the oracle."""
