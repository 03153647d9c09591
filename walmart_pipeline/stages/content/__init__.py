"""Products to plans, with reasons, and to generated listings."""
