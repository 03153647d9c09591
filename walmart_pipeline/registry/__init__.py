"""The model registry: versions of our own models, and the champion of each provider."""
