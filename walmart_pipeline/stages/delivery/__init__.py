"""Accepted listings to exported files."""
