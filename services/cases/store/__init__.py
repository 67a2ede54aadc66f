"""All SQL of the case service, and nothing else."""
