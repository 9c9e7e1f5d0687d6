"""The functions that notebooks call, one module per stage: load, compute, write, show."""
