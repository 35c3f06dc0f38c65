"""ModelRegistry: every pushed model is a version with a stage; people promote it and roll it back, on record."""
