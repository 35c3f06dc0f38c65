"""Runs the pipeline on Amazon SageMaker Pipelines: one step for each job, conditions where the platform can decide."""

from pipeline.runners.aws.placing import check_place, metadata_of, region_of, why_unreached
from pipeline.runners.aws.placing import placed_with_registry as placed
from pipeline.runners.sagemaker.checking import definition_problems as document_problems
from pipeline.runners.sagemaker.definition import CAPABILITIES, compile_document

__all__ = [
    "CAPABILITIES",
    "check_place",
    "compile_document",
    "document_problems",
    "metadata_of",
    "placed",
    "region_of",
    "why_unreached",
]
