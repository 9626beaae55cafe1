-- How Redis counts: arithmetic.py line by line, in the same doubles, for any number of requests in one call.
--
-- KEYS   the hash of every client asked about, in the order of the asks; last of all the index of bans, where there is one
-- ARGV   1 the time in microseconds, or nothing for the server's own clock
--        2 the requests: is there an index, how many requests; for each how many asks; for each where in ARGV its group begins,
--          and which evidence, counted from the end of ARGV, belongs to it
--        then each group: one string of numbers, and the names of the fields it reads; then the evidence
--
-- Answers a string of numbers for each request: what is used, meter by meter, and then three for each meter that has more to
-- say, which it is (from 0), how long to wait, the level of a ban placed just now. Or, where a ban answers for the request, a
-- list of one string: for each ask the rule, until when, how long still.

local FOREVER = 9007199254740992
local SLIDING, FIXED, GCRA, STRIKES = 0, 1, 2, 3
local HEAD, METER, CELLS, BAN = '<ddddd', '<dddddddd', '<ddd', '<dd'
local MANUAL, DIES = 1, 2
local numbers, pack, call, words = struct.unpack, struct.pack, redis.call, ARGV

local function roll(start, before, current, period, now)
  local elapsed = now - start
  if 0 <= elapsed and elapsed < period then return elapsed, start, before, current end
  if -2 * period < elapsed and elapsed < 0 then return 0, start, before, current end
  if 0 <= elapsed and elapsed < 2 * period then return elapsed - period, start + period, current, 0 end
  return 0, now, 0, 0
end

local function wait_for_room(room, period, elapsed, before, current)
  if room < 0 then return period end
  if current <= room then return math.max(1, period * (1 - (room - current) / before) - elapsed) end
  return math.max(1, period - elapsed + period * (1 - room / current))
end

local function sliding(start, before, current, limit, period, need, cost, now)
  local room = need ~= 0 and limit - need or FOREVER
  local elapsed = now - start
  if elapsed < 0 or elapsed >= period then elapsed, start, before, current = roll(start, before, current, period, now) end
  if cost < 0 then return 0, 0, start, 0, 0 end
  local used = current + before * (1 - elapsed / period)
  if used > room then return used, wait_for_room(room, period, elapsed, before, current), start, before, current end
  return used + cost, 0, start, before, current + cost
end

local function fixed(start, current, limit, period, need, cost, now)
  local room = need ~= 0 and limit - need or FOREVER
  local opened = now - math.fmod(now, period)
  if start ~= opened then current = 0 end
  local counted = cost >= 0 and math.max(current + cost, 0) or 0
  return counted, current > room and opened + period - now or 0, opened, 0, counted
end

local function gcra(cell, limit, period, need, cost, burst, now)
  local pace = limit > 0 and period / limit or FOREVER
  local tolerance = limit > 0 and burst * pace or 0
  local arrival = cell
  if arrival < now or arrival > now + (tolerance + 2 * period) then arrival = now end -- as after a clock was set back
  if need ~= 0 then
    local wait = arrival + need * pace - tolerance - now
    if wait > 1 then -- less than a microsecond is rounding, and would eat from the burst
      return (arrival - now) / pace, limit <= 0 and math.min(wait, period) or wait, cell, 0, 0
    end
  end
  if cost < 0 then
    cell, arrival = now, now
  elseif cost ~= 0 then
    arrival = math.min(arrival + cost * pace, now + (tolerance + period))
    cell = arrival
  end
  return (arrival - now) / pace, 0, cell, 0, 0
end

-- `spec` holds the `times` ban times from `at` on; answers how many bans in a row this one makes, its end, and its length.
local function strike(till, level, spec, at, times, now)
  local longest = numbers('<d', spec, at + 8 * (times - 1))
  if till == 0 or now >= till + longest then level = 0 end
  local bantime = numbers('<d', spec, at + 8 * math.min(level, times - 1))
  return level + 1, math.min(now + bantime, FOREVER), bantime
end

-- What is known of a client, as far as a group asks for it: by hand until, dies, its bans, its counters. Then the enforced, live
-- ban that answers for the client: -1 for one by hand, else which of the group's; and until when.
local function read(key, at, now)
  local meters, bans, looked = numbers('<ddd', words[at])
  local values = call('HMGET', key, unpack(words, at + 1, at + 2 + bans + meters))
  if looked < 0 then return values, 0, 0 end
  local by_hand = values[MANUAL] and tonumber(values[MANUAL]) or 0
  if by_hand > now then return values, -1, by_hand end
  for rule = 1, looked do
    local till = values[DIES + rule] and numbers('<d', values[DIES + rule]) or 0
    if till > now then return values, rule, till end
  end
  return values, 0, 0
end

-- Write down a ban and why; the time limits of the hash are seen to with the counters.
local function place(key, rule, till, level, limit, period, evidence, now)
  local reason = string.format('%g strikes in %g s', limit, period / 1000000)
  call('HSET', key, 'ban:' .. rule, pack(BAN, till, level), 'since:' .. rule, now, 'reason:' .. rule, reason,
    'evidence:' .. rule, evidence)
  call('HDEL', key, 'by:' .. rule)
end

-- Keep the hash as long as it may matter; a quarter longer, so that this is seldom done.
local function keep(key, dies, lifetime, now)
  if dies and tonumber(dies) >= now + lifetime then return end
  local keeps = math.min(1.25 * lifetime, FOREVER - now)
  local milliseconds = math.ceil(keeps / 1000)
  if words[1] ~= '' then milliseconds = math.max(milliseconds, 60000) end
  call('HSET', key, 'dies', math.ceil(now + keeps))
  call('PEXPIRE', key, string.format('%.0f', milliseconds))
end

-- The three windows; strikes are counted as sliding, without asking for room.
local function count(window, start, before, current, limit, period, need, cost, burst, now)
  if window == FIXED then return fixed(start, current, limit, period, need, cost, now) end
  if window == GCRA then return gcra(start, limit, period, need, cost, burst, now) end
  return sliding(start, before, current, limit, period, window ~= STRIKES and need or 0, cost, now)
end

-- Count every meter of a group, append how much of each is `used`, and what more there is to say to `told`; write what changed.
local function tally(key, at, values, evidence, index, used_up, told, now)
  local spec, changed, changes, last = words[at], {}, 0, #used_up
  local meters, bans, _, lifetime, writes, pos = numbers(HEAD, spec)
  for field = at + 3 + bans, at + 2 + bans + meters do
    local window, limit, period, need, cost, burst, ban, times, after = numbers(METER, spec, pos)
    local start, before, current, till, level = 0, 0, 0, 0, 0
    local known = values[field - at]
    if known then start, before, current = numbers(CELLS, known) end
    if ban ~= 0 and values[DIES + ban] then till, level = numbers(BAN, values[DIES + ban]) end
    local used, wait, opened, older, newer, placed = limit, till - now, start, before, current, 0
    local elapsed = now - start
    if window == SLIDING and cost > 0 and need ~= 0 and 0 <= elapsed and elapsed < period
      and current + before * (1 - elapsed / period) <= limit - need then
      -- nearly every request falls in the open window and finds room: that way is kept short
      used, wait, newer = current + before * (1 - elapsed / period) + cost, 0, current + cost
    elseif till <= now then
      used, wait, opened, older, newer = count(window, start, before, current, limit, period, need, cost, burst, now)
      if window == STRIKES and used >= limit and cost > 0 and times > 0 then
        placed, till, wait = strike(till, level, spec, after, times, now)
        older, newer = 0, 0
        place(key, words[field]:sub(6), till, placed, limit, period, evidence, now)
        if index then enlist(index, key, till, now) end
      end
    end
    if opened ~= start or older ~= before or newer ~= current then
      changed[changes + 1], changed[changes + 2] = words[field], pack(CELLS, opened, older, newer)
      changes = changes + 2
    end
    if wait > 0 then
      local said = #told
      told[said + 1], told[said + 2], told[said + 3] = last, wait, placed
    end
    used_up[last + 1] = used
    last, pos = last + 1, after + 8 * times
  end
  if writes ~= 0 or values[DIES] then
    if changes > 0 then call('HSET', key, unpack(changed)) end
    keep(key, values[DIES], lifetime, now)
  end
end

local now = tonumber(words[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local plan, key, answers = words[2], 0, {}
local indexed, requests, pos = numbers('<I2I2', plan)
local index = indexed ~= 0 and KEYS[#KEYS] or nil
local groups, evidence, values, rules, ends = {}, {}, {}, {}, {}

for request = 1, requests do
  local asks, banned
  asks, pos = numbers('<I2', plan, pos)
  for ask = 1, asks do
    groups[ask], evidence[ask], pos = numbers('<I2I2', plan, pos)
    values[ask], rules[ask], ends[ask] = read(KEYS[key + ask], groups[ask], now)
    banned = banned or rules[ask] ~= 0
  end
  if banned then
    local bans = {}
    for ask = 1, asks do bans[ask] = pack('<ddd', rules[ask], ends[ask], math.max(ends[ask] - now, 0)) end
    answers[request] = { table.concat(bans) }
  else
    local used, told = {}, {}
    for ask = 1, asks do
      for earlier = 1, ask - 1 do
        if KEYS[key + earlier] == KEYS[key + ask] then values[ask] = read(KEYS[key + ask], groups[ask], now) end
      end
      tally(KEYS[key + ask], groups[ask], values[ask], words[#words + 1 - evidence[ask]], index, used, told, now)
    end
    answers[request] = pack('<' .. string.rep('d', #used), unpack(used))
    if #told > 0 then answers[request] = answers[request] .. pack('<' .. string.rep('d', #told), unpack(told)) end
  end
  key = key + asks
end
return answers
