-- Write a ban by hand into its client's hash, and keep the hash until it ends.
-- KEYS 1 the client's hash; ARGV 1 rule, 2 until, 3 since (microseconds), 4 reason, 5 evidence, 6 level, 7 by
local key, rule, till = KEYS[1], ARGV[1], tonumber(ARGV[2])
redis.call('HSET', key, 'manual', ARGV[2], 'ban:' .. rule, struct.pack('<dd', till, tonumber(ARGV[6])), 'since:' .. rule,
  ARGV[3], 'reason:' .. rule, ARGV[4], 'evidence:' .. rule, ARGV[5], 'by:' .. rule, ARGV[7])
if tonumber(redis.call('HGET', key, 'dies') or 0) < till then
  redis.call('HSET', key, 'dies', ARGV[2])
  redis.call('PEXPIREAT', key, string.format('%.0f', till / 1000 + 1))
end
