"""DataQualityGate: what a TFDV schema cannot say about the data, checked in one pass before anything is trained."""
