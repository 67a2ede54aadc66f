"""docs/retention.md."""
