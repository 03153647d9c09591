"""Accepted listings to versioned datasets, split without leakage."""
