"""The local stack: Apache Kafka, PostgreSQL and the services on one machine, from wheels alone."""
