"""Judged texts, the accepted listings, and those that need a reviewer."""
