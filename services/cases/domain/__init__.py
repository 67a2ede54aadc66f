"""The case domain: pure, no I/O, no clock of its own."""
