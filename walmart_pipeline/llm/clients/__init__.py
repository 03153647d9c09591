"""Clients of model servers, which implement the protocol of calls.py."""
