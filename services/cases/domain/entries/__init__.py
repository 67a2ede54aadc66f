"""Everything that people write in the chain, by kind: frozen bodies, statuses, one registry."""
