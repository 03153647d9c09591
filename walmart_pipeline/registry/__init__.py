"""Versions of our own models, and which one is the champion."""
