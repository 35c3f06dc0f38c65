"""Answers requests from a SavedModel; knows nothing of the pipeline that made it."""
