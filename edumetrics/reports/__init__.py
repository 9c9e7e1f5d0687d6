"""Reports: frozen view models, figures, and their rendering."""
