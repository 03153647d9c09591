"""Feeds to products: read, map columns, clean, deduplicate; bad rows are rejected with reasons."""
