"""The college side: mapping, reading, data health, the simulator and the OULAD importer."""
