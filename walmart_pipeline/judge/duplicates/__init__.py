"""Detection of duplicate listings."""
