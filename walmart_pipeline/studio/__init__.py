"""The Studio: where people write, review, rate and export listings, in the browser."""
