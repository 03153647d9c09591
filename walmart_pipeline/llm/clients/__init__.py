"""Clients: each speaks to one kind of model, in its own words, behind the protocol of calls.py."""
