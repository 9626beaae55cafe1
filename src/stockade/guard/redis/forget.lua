-- Forget all that is known of a client, and say what it was.
local known = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
return known
