"""Is it good? How well a listing is written, as careful readers rate it: a small model fitted to their stars."""
