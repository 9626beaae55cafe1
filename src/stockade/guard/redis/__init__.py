"""A store shared by many machines: Redis or Valkey, one script, one round trip."""

from stockade.guard.redis.async_store import AsyncRedisStore
from stockade.guard.redis.store import RedisStore

__all__ = ["AsyncRedisStore", "RedisStore"]
