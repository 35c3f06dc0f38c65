"""What of old runs may go, and what must stay: `penstock gc`."""
