"""EndpointPusher: an approved, signed, registered model becomes a SageMaker endpoint, or a part of its traffic."""
