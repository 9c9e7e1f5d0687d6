"""What a stage reads: the week, earlier weeks, earlier terms, and the parts of a large college."""
