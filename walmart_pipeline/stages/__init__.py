"""The stages of the pipeline, one package each, in the order of the data."""
