"""Evaluation of generated texts and of models, on held-out products."""
