"""What needs (re)writing and why → the listing that a provider wrote."""
