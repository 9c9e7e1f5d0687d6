"""What a notebook calls, one module per stage: load, compute, write, show."""
