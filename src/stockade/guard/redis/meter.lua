-- How Redis counts: arithmetic.py line by line, in the same doubles, for any number of requests in one call.
--
-- KEYS   the hash of every client asked about, request by request; last of all the index of bans, where there is one
-- ARGV   1 the time in microseconds, or nothing for the server's own clock
--        2 is there an index, how many requests, how many clients each asks about: the requests of a call are alike
--        then for each of these clients a group: its numbers and its meters', the names of its rules, the fields of its bans
--        last of all the evidence, request by request, of the groups that may ban
--
-- Answers a string of numbers for each request: what is used, meter by meter, and then three for each meter that has more to
-- say, which it is (from 0), how long to wait, the level of a ban placed just now. Or, where a ban answers for the request, a
-- list of one string: for each ask the rule, until when, how long still.

local FOREVER = 9007199254740992
local USED, RULES, DIES, MANUAL = 1, 2, 3, 4 -- what is read of a client's hash; the bans follow
local WINDOW, LIMIT, PERIOD, COST, BAN, TIMES, BANTIMES = 1, 2, 3, 5, 7, 8, 9 -- of a meter
local PLAN, GROUP, METER, PLACED, ANSWER = '<ddd', '<dddddd', '<ddddddddd', '<dd', '<ddd'
local numbers, pack, call, words = struct.unpack, struct.pack, redis.call, ARGV

local formats = {}
local function doubles(size)
  formats[size] = formats[size] or '<' .. string.rep('d', size)
  return formats[size]
end

local function roll(cells, at, period, now)
  local elapsed = now - cells[at]
  if 0 <= elapsed and elapsed < period then return elapsed end
  if -2 * period < elapsed and elapsed < 0 then return 0 end
  if 0 <= elapsed and elapsed < 2 * period then
    cells[at], cells[at + 1], cells[at + 2] = cells[at] + period, cells[at + 2], 0
    return elapsed - period
  end
  cells[at], cells[at + 1], cells[at + 2] = now, 0, 0
  return 0
end

local function wait_for_room(room, period, elapsed, before, current)
  if room < 0 then return period end
  if current <= room then return math.max(1, period * (1 - (room - current) / before) - elapsed) end
  return math.max(1, period - elapsed + period * (1 - room / current))
end

local function sliding(meter, cells, at, now)
  local _, limit, period, need, cost = unpack(meter)
  local room = need ~= 0 and limit - need or FOREVER
  local elapsed = roll(cells, at, period, now)
  local before, current = cells[at + 1], cells[at + 2]
  if cost < 0 then
    cells[at + 1], cells[at + 2] = 0, 0
    return 0, 0, 0
  end
  local used = current + before * (1 - elapsed / period)
  if used > room then return used, wait_for_room(room, period, elapsed, before, current), 0 end
  cells[at + 2] = current + cost
  return used + cost, 0, 0
end

local function fixed(meter, cells, at, now)
  local _, limit, period, need, cost = unpack(meter)
  local room = need ~= 0 and limit - need or FOREVER
  local start = now - math.fmod(now, period)
  if cells[at] ~= start then cells[at], cells[at + 2] = start, 0 end
  local used = cells[at + 2]
  local counted = cost >= 0 and math.max(used + cost, 0) or 0
  cells[at + 2] = counted
  return counted, used > room and start + period - now or 0, 0
end

local function gcra(meter, cells, at, now)
  local _, limit, period, need, cost, burst = unpack(meter)
  local pace = limit > 0 and period / limit or FOREVER
  local tolerance = limit > 0 and burst * pace or 0
  local arrival = cells[at]
  if arrival <= now or arrival > now + (tolerance + 2 * period) then arrival = now end -- as after a clock was set back
  if need ~= 0 then
    local wait = arrival + need * pace - tolerance - now
    if wait > 1 then -- less than a microsecond is rounding, and would eat from the burst
      return (arrival - now) / pace, limit <= 0 and math.min(wait, period) or wait, 0
    end
  end
  if cost < 0 then
    cells[at], arrival = now, now
  elseif cost ~= 0 then
    arrival = math.min(arrival + cost * pace, now + (tolerance + period))
    cells[at] = arrival
  end
  return (arrival - now) / pace, 0, 0
end

-- Count a strike, and ban at the limit; `till` and `row` are when the last ban ends and how many there were in a row.
local function strikes(meter, cells, at, now, till, row)
  local limit, cost, times, bantimes = meter[LIMIT], meter[COST], meter[TIMES], meter.bantimes
  if till > now then return limit, till - now, 0 end
  local used = sliding(meter, cells, at, now)
  if cost <= 0 or used < limit or times == 0 then return used, 0, 0 end
  if till == 0 or now >= till + bantimes[times] then row = 0 end
  cells[at + 1], cells[at + 2] = 0, 0
  return used, bantimes[math.min(row + 1, times)], row + 1
end

local COUNTS = { [0] = sliding, fixed, gcra, strikes }

-- The group that begins at a place in ARGV, and where the next one begins. What the quick way asks of each meter comes first, and
-- all that there is to know of one when it is needed.
local function group_at(at)
  local spec = words[at]
  local size, bans, looked, lifetime, writes, strikes = numbers(GROUP, spec)
  return {
    spec = spec, size = size, rules = words[at + 1], places = {}, meters = {}, looked = looked, lifetime = lifetime,
    fields = { 'used', 'rules', 'dies', 'manual', unpack(words, at + 2, at + 1 + bans) },
    writes = writes ~= 0, strikes = strikes ~= 0,
    period = { numbers(doubles(size), spec, 49) }, room = { numbers(doubles(size), spec, 49 + 8 * size) },
    cost = { numbers(doubles(size), spec, 49 + 16 * size) },
  }, at + 2 + bans
end

local function meter_of(group, n)
  if not group.meters[n] then
    local meter = { numbers(METER, group.spec, 49 + 24 * group.size + 72 * (n - 1)) }
    if meter[TIMES] > 0 then meter.bantimes = { numbers(doubles(meter[TIMES]), group.spec, meter[BANTIMES]) } end
    group.meters[n] = meter
  end
  return group.meters[n]
end

-- Where a group's counters begin among those of a client, which lie in the order of its `rules`: a line for each. Rules that
-- are not among them yet come after them.
local function places_of(group, rules)
  local starts, size = {}, 0
  for rule in rules:gmatch('[^\n]+') do starts[rule], size = size + 1, size + 3 end
  local places = { held = size, rules = rules }
  for rule in group.rules:gmatch('[^\n]+') do
    if not starts[rule] then
      places.rules = places.rules .. '\n' .. rule
      starts[rule], size = size + 1, size + 3
    end
    places[#places + 1] = starts[rule]
  end
  places.size = size
  return places
end

-- What is known of a client, as far as a group asks for it. Then the enforced, live ban that answers for the client: -1 for
-- one by hand, else which of the group's; and until when.
local function read(key, group, now)
  local known = call('HMGET', key, unpack(group.fields))
  if group.looked < 0 then return known, 0, 0 end
  local by_hand = known[MANUAL] and tonumber(known[MANUAL]) or 0
  if by_hand > now then return known, -1, by_hand end
  for rule = 1, group.looked do
    local till = known[MANUAL + rule] and numbers(PLACED, known[MANUAL + rule]) or 0
    if till > now then return known, rule, till end
  end
  return known, 0, 0
end

-- Write down a ban and why; the time limits of the hash are seen to with the counters.
local function place(key, field, till, level, meter, evidence, now)
  local rule = field:sub(5)
  local reason = string.format('%g strikes in %g s', meter[LIMIT], meter[PERIOD] / 1000000)
  call('HSET', key, field, pack(PLACED, till, level), 'since:' .. rule, now, 'reason:' .. rule, reason,
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

-- Count with a meter that finds no room at first sight, or counts otherwise; place the ban that may come of it.
local function count(key, group, meter, known, cells, at, evidence, index, now)
  local ban = meter[BAN] > 0 and known[MANUAL + meter[BAN]]
  local till, row = 0, 0
  if ban then till, row = numbers(PLACED, ban) end
  local used, wait, level = COUNTS[meter[WINDOW]](meter, cells, at, now, till, row)
  if level > 0 then
    till = math.min(now + wait, FOREVER)
    place(key, group.fields[MANUAL + meter[BAN]], till, level, meter, evidence, now)
    if index then enlist(index, key, till, now) end
  end
  return used, wait, level
end

-- Count every meter of a group and keep what changed. How much of each is used goes behind the `counted` figures in `readings`,
-- what more there is to say behind the `said` ones in `told`; answers how many these are now.
local function tally(key, group, known, evidence, index, readings, counted, told, said, now)
  local rules, periods, rooms, costs = known[RULES] or group.rules, group.period, group.room, group.cost
  local places, held, size = nil, 3 * group.size, 3 * group.size
  if rules ~= group.rules then
    places = group.places[rules] or places_of(group, rules)
    group.places[rules] = places
    rules, held, size = places.rules, places.held, places.size
  end
  if not known[USED] or #known[USED] ~= 8 * held then held = 0 end
  local cells = held > 0 and { numbers(doubles(held), known[USED]) } or {}
  for cell = held + 1, size do cells[cell] = 0 end
  for n = 1, group.size do
    local at, period, cost = places and places[n] or 3 * n - 2, periods[n], costs[n]
    local elapsed, current = now - cells[at], cells[at + 2]
    local estimate = current + cells[at + 1] * (1 - elapsed / period)
    if 0 <= elapsed and elapsed < period and estimate <= rooms[n] then
      -- nearly every request falls in the open window and finds room: that way is kept short
      cells[at + 2] = current + cost
      readings[counted + n] = estimate + cost
    else
      local wait, level
      readings[counted + n], wait, level = count(key, group, meter_of(group, n), known, cells, at, evidence, index, now)
      if wait > 0 then
        told[said + 1], told[said + 2], told[said + 3], said = counted + n - 1, wait, level, said + 3
      end
    end
  end
  if group.writes or known[DIES] then
    local counters = pack(doubles(size), unpack(cells, 1, size))
    if rules ~= known[RULES] then
      call('HSET', key, 'used', counters, 'rules', rules)
    elseif counters ~= known[USED] then
      call('HSET', key, 'used', counters)
    end
    keep(key, known[DIES], group.lifetime, now)
  end
  return counted + group.size, said
end

local now = tonumber(words[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local indexed, requests, asks = numbers(PLAN, words[2])
local index = indexed ~= 0 and KEYS[#KEYS] or nil
local groups, word = {}, 3
for ask = 1, asks do groups[ask], word = group_at(word) end

local key, answers, readings, told = 0, {}, {}, {}
local known, rules, ends, evidence = {}, {}, {}, {}
for request = 1, requests do
  local banned = false
  for ask = 1, asks do
    known[ask], rules[ask], ends[ask] = read(KEYS[key + ask], groups[ask], now)
    banned = banned or rules[ask] ~= 0
    if groups[ask].strikes then evidence[ask], word = words[word], word + 1 end
  end
  if banned then
    local bans = {}
    for ask = 1, asks do bans[ask] = pack(ANSWER, rules[ask], ends[ask], math.max(ends[ask] - now, 0)) end
    answers[request] = { table.concat(bans) }
  else
    local counted, said = 0, 0
    for ask = 1, asks do
      for earlier = 1, ask - 1 do
        if KEYS[key + earlier] == KEYS[key + ask] then known[ask] = read(KEYS[key + ask], groups[ask], now) end
      end
      counted, said = tally(KEYS[key + ask], groups[ask], known[ask], evidence[ask], index, readings, counted, told, said, now)
    end
    answers[request] = pack(doubles(counted), unpack(readings, 1, counted))
    if said > 0 then answers[request] = answers[request] .. pack(doubles(said), unpack(told, 1, said)) end
  end
  key = key + asks
end
return answers
