"""Ollama's Modelfile: parsing, writing and checking without Ollama."""

from walmart_pipeline.stages.models.modelfile.characters import printable
from walmart_pipeline.stages.models.modelfile.check import ModelfileProblem, check
from walmart_pipeline.stages.models.modelfile.emitter import emit
from walmart_pipeline.stages.models.modelfile.grammar import Modelfile, ModelfileError, parse

__all__ = ["Modelfile", "ModelfileError", "ModelfileProblem", "check", "emit", "parse", "printable"]
