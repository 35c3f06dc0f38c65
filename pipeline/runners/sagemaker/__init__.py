"""Runs the pipeline on Amazon SageMaker Pipelines: one step for each job, conditions where the platform can decide."""

from pipeline.runners.aws.placing import metadata_of
from pipeline.runners.aws.placing import placed_with_registry as placed
from pipeline.runners.sagemaker.checking import definition_problems as document_problems
from pipeline.runners.sagemaker.definition import CAPABILITIES, compile_document

__all__ = ["CAPABILITIES", "compile_document", "document_problems", "metadata_of", "placed"]
