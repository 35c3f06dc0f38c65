"""Signatures over model folders: made before a model is published, checked before it is promoted or loaded."""
