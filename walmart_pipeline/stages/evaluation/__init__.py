"""Held-out products: how the generated text compares with the source’s own."""
