"""Requests sent through a provider's batch API."""
