"""Feeds as they come → products, each cleaned once, and rejects, each with its reasons."""
