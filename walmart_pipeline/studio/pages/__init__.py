"""The pages of the Studio, one module each: `page(context)` draws it."""
