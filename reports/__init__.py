"""Results files in, one self-contained HTML page out. Reads the published JSON format and nothing else."""
