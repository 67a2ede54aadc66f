"""What may be sent to ingest, and how its answers look (docs/api-ingest.md)."""
