"""Evaluation on held-out products: of the generated texts, and of the models that could generate them."""
