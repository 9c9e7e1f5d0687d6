"""Paragraphs by a language model that cannot say what is not in the record."""
