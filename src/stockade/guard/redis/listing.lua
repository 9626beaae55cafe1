-- Enter a client's key in the index of bans, drop what has ended, and let the index itself end with its last ban.
local function enlist(index, key, till, now)
  redis.call('ZADD', index, 'GT', till, key)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
  if last then
    redis.call('PEXPIREAT', index, string.format('%.0f', last / 1000 + 1))
  end
end
