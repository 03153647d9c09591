"""Policy profiles: their shape, and those that ship with the package."""
