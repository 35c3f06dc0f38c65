"""Bias of the data and of the model between groups of rows, by SageMaker Clarify's definitions; a gate on the model."""
