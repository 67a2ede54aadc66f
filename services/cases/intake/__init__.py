"""What the topics bring, applied to the database: effect, inbox and outbox in one transaction."""
