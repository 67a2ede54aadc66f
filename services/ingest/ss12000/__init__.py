"""SS 12000:2020: what school systems say in the standard's words becomes the facts of ingest."""
