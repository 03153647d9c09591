"""Accepted listings → files that others read."""
