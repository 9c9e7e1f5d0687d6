"""The college side: schema mapping, reading, data health, the simulator and the OULAD importer."""
