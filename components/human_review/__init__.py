"""Which rows a person should look at: those that the model is least sure of, and what people answered."""
