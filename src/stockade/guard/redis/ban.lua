-- Write a ban by hand into its client's hash, and keep the hash until it ends. How its `state` begins, meter.lua says.
-- KEYS 1 the client's hash; ARGV 1 rule, 2 until, 3 since (microseconds), 4 reason, 5 evidence, 6 level, 7 by
local key, rule, till = KEYS[1], ARGV[1], tonumber(ARGV[2])
local state = redis.call('HGET', key, 'state') or ''
local dies, barred = 0, 0
if #state >= 24 then dies, barred = struct.unpack('<dd', state) else state = struct.pack('<ddd', 0, 0, 0) end
state = struct.pack('<dd', math.max(dies, till), math.max(barred, till)) .. state:sub(17)
redis.call('HSET', key, 'state', state, 'manual', ARGV[2], 'ban:' .. rule, struct.pack('<dd', till, tonumber(ARGV[6])),
  'since:' .. rule, ARGV[3], 'reason:' .. rule, ARGV[4], 'evidence:' .. rule, ARGV[5], 'by:' .. rule, ARGV[7])
if dies < till then redis.call('PEXPIREAT', key, string.format('%.0f', till / 1000 + 1)) end
