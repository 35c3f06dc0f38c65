"""What a run and an endpoint would cost on AWS: estimates from a dated table of prices and from what runs took."""
