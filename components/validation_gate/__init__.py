"""ValidationGate: anomalies in the data stop the run before training, unless the policy or a waiver says otherwise."""
