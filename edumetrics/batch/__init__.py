"""The batch: what is due, in order, each stage one notebook."""
