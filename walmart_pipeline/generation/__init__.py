"""Writes listings: with a model, or with the template writer."""
