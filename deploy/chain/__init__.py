"""docs/chain.md out of the law's table."""
