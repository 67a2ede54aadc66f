"""What leaves a desk: documents with exactly the fields that were decided, as JSON and as PDF."""
