"""Keys live where every other Kafka client looks for them."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner as Asynchronous
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from hub.partition import partition


@given(key=st.text(max_size=60), partitions=st.integers(1, 200))
def test_other_clients_agree(key: str, partitions: int) -> None:
    everything = list(range(partitions))
    found = partition(key, partitions)
    assert found == Asynchronous()(key.encode(), everything, everything)
    assert found == (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
