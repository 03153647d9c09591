"""Shared by all layers: records, settings, the warehouse, files, progress, statistics."""
