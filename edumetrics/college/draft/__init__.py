"""A first draft of a mapping, for a database that nobody described."""
