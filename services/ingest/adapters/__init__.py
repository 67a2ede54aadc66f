"""One file for each way in. An adapter turns what a source writes into the HTTP contract's JSON."""
