"""Feeds to products: read, map columns, clean, deduplicate; a bad row is kept with its reasons."""
