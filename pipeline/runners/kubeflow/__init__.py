"""Runs pipelines on Kubeflow Pipelines 2: one container for each node, which runs our launcher."""

from pipeline.runners.kubeflow.checking import document_problems
from pipeline.runners.kubeflow.document import CAPABILITIES, compile_document, metadata_of, placed
from pipeline.runners.kubeflow.placing import check_place, region_of, why_unreached

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
