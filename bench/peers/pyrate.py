"""pyrate-limiter: a bucket in memory for each client, holding all five rates."""

from __future__ import annotations

from pyrate_limiter import AbstractBucket, BucketFactory, InMemoryBucket, Limiter, MonotonicClock, Rate, RateItem

from bench.rounds import Round, each
from bench.rules import LIMITS


class Buckets(BucketFactory):
    """A bucket a client. None is scheduled to leak in the background, which would only slow it down."""

    def __init__(self) -> None:
        self.clock = MonotonicClock()
        self.rates = [Rate(limit, period * 1000) for period, limit in LIMITS.items()]
        self.buckets: dict[str, AbstractBucket] = {}

    def wrap_item(self, name: str, weight: int = 1) -> RateItem:
        return RateItem(name, self.clock.now(), weight=weight)

    def get(self, item: RateItem) -> AbstractBucket:
        bucket = self.buckets.get(item.name)
        if bucket is None:
            bucket = self.buckets[item.name] = InMemoryBucket(self.rates)
        return bucket


def contestant() -> Round:
    limiter = Limiter(Buckets())
    return each(lambda client: limiter.try_acquire(client, blocking=False))
