"""What a reader of the model should know, on one page: filled from the run's artifacts and from what people wrote."""
