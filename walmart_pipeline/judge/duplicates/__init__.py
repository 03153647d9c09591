"""How alike the listings of a catalog are."""
