"""Datasets to tuned parameters, Modelfiles, registered candidates and fine-tuned models."""
