"""What can be asked of and done to a broker beyond records: topics, ids, ends. Uses confluent-kafka, reads no settings."""
