"""What an engine promises: clauses, the properties of every operator, and how they are checked."""
