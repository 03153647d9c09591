"""The dispatcher: makes model calls within limits and budgets, with retries."""
