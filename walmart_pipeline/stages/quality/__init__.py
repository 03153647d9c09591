"""Generated texts to scores, accepted listings and the review queue."""
