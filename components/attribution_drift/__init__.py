"""AttributionDrift: whether the model still answers for the same reasons as the last approved one."""
