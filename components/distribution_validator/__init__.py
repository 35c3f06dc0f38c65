"""DistributionValidator: whether the data is still distributed as it was, and as what is served."""
