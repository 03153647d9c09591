"""Providers of text behind one protocol."""
