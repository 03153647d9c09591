"""Datasets → Modelfiles, one for each tier that has enough examples."""
