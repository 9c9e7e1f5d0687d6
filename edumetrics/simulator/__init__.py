"""Colleges that we make: a seed gives the same college every time."""
