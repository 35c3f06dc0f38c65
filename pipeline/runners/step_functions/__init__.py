"""Runs the pipeline on AWS Step Functions: a Standard state machine that starts SageMaker jobs and waits for them."""

from pipeline.runners.aws.placing import metadata_of
from pipeline.runners.aws.placing import placed_without_registry as placed
from pipeline.runners.step_functions.checking import state_machine_problems as document_problems
from pipeline.runners.step_functions.state_machine import CAPABILITIES, compile_document

__all__ = ["CAPABILITIES", "compile_document", "document_problems", "metadata_of", "placed"]
