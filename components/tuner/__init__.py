"""Tuner: TFX's, with trials that outlive an interruption."""
