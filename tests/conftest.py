"""Fixtures that all tests share."""

from tests.servers import kafka_runtime, kafka_server, private_kafka, private_redis, redis_server

__all__ = ["kafka_runtime", "kafka_server", "private_kafka", "private_redis", "redis_server"]
