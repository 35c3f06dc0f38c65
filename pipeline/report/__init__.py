"""A run as one HTML page, and the drawings on it, which notebooks show as well."""
