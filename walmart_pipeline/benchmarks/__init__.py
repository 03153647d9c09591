"""Measurements that the README and the notes report: each prints its figures as JSON."""
