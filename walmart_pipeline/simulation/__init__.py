"""A simulated week: a supplier, reviewers and failing servers around the real daemon."""
