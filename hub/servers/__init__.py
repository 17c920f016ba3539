"""The servers the hub brings along: Kafka, Redis, and the supervisor that keeps everything running."""
