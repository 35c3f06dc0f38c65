"""The curated schema as a file that people review: read, infer, compare and accept changes."""
