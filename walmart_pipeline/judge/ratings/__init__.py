"""Blind ratings of listings: what careful readers say, how well the judge agrees, and what is fitted to them."""
