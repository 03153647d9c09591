"""What people decide about texts: decisions, ratings, edits, and their preferences."""
