"""The template writer: writes a listing from a product's facts, without a model."""
