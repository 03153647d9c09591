"""Performance and usage, and what is worth knowing of them."""
