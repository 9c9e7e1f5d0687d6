"""The migrations, oldest first: their files are numbered."""
