"""Training of the models that the judge uses; not installed with the package."""
