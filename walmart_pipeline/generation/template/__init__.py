"""The template writer: a listing without a model, from nothing but the product's own facts."""
