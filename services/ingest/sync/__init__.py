"""SS 12000:2020 as a client: reads school systems, page by page, into the inbox."""
