"""The stages of the pipeline, one package each."""
