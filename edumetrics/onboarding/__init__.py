"""From an unknown database to a mapping: draft it, check it, explain what it reads."""
