"""Runs the pipeline on AWS Step Functions: a Standard state machine that starts SageMaker jobs and waits for them."""

from pipeline.runners.aws.placing import check_place, metadata_of, region_of, why_unreached
from pipeline.runners.aws.placing import placed_without_registry as placed
from pipeline.runners.step_functions.checking import state_machine_problems as document_problems
from pipeline.runners.step_functions.state_machine import CAPABILITIES, compile_document

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
