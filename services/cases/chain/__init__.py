"""Use cases of the chain: each step read, judged and written in one transaction."""
