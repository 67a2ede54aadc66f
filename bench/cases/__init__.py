"""How fast the case service is, filled with three school years: `make bench-cases`."""
