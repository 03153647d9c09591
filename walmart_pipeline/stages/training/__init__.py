"""Accepted listings → versioned datasets, split without leakage."""
