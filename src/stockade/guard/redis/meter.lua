-- How Redis counts, for any number of requests in one call.
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
--
-- In a client's hash, `used` is what each of its `rules` has counted, and `state` what changes but seldom: until when any of it
-- matters, until when a ban may be live, the mark of the rules, and for each when its window began and what the one before
-- held. Lua looks at every byte of every string it is given or makes; so nearly every request reads these two and writes `used`.

local DIES, BARRED, MARK, HEAD = 1, 2, 3, 3 -- of a state; what is there for each rule follows
local PLAN, GROUP, ROW, PLACED, ANSWER = '<ddd', '<dddddddd', '<dddddddddd', '<dd', '<ddd'
local numbers, pack, call, words = struct.unpack, struct.pack, redis.call, ARGV

local doubles = setmetatable({}, { -- by how many: the format that they are packed in
  __index = function(made, size)
    made[size] = '<' .. string.rep('d', size)
    return made[size]
  end,
})

-- The group that begins at a place in ARGV, and where the next one begins. What the quick way asks of each meter comes first.
-- Its counters are those of a client, one by one, unless the mark of the client's rules is another's.
local function group_at(at)
  local spec = words[at]
  local size, mark, others, bans, looked, lifetime, writes, strikes = numbers(GROUP, spec)
  local own = { held = size, size = size, mark = mark, rules = words[at + 1] }
  for n = 1, size do own[n] = n end
  return {
    spec = spec, size = size, others = others, rules = words[at + 1], places = { [0] = own, [mark] = own },
    bans = { unpack(words, at + 2, at + 1 + bans) }, looked = looked, lifetime = lifetime,
    writes = writes ~= 0, strikes = strikes ~= 0,
    period = { numbers(doubles[size], spec, 65) }, room = { numbers(doubles[size], spec, 65 + 8 * size) },
    cost = { numbers(doubles[size], spec, 65 + 16 * size) },
  }, at + 2 + bans
end

-- All there is to know of a group's meters: a row, and behind it the ban times, for each that is not an ordinary sliding one.
local function meters_of(group)
  local counts, meters, at = arithmetic(), {}, 65 + 24 * group.size
  for n = 1, group.size do
    meters[n] = { count = counts[0], period = group.period[n], room = group.room[n], cost = group.cost[n] }
  end
  for _ = 1, group.others do
    local n, window, limit, period, room, need, cost, burst, ban, times = numbers(ROW, group.spec, at)
    meters[n] = {
      count = counts[window], limit = limit, period = period, room = room, need = need, cost = cost, burst = burst,
      ban = group.bans[ban], times = times, bantimes = { numbers(doubles[times], group.spec, at + 80) },
    }
    at = at + 80 + 8 * times
  end
  return meters
end

-- Where a group's counters lie among those of a client, which are in the order of its `rules`: a line for each. Rules that are
-- not among them yet come after them.
local function places_of(group, key)
  local rules, order, size = call('HGET', key, 'rules') or '', {}, 0
  for rule in rules:gmatch('[^\n]+') do
    size = size + 1
    order[rule] = size
  end
  local places = { held = size }
  for rule in group.rules:gmatch('[^\n]+') do
    if not order[rule] then
      rules, size = rules .. '\n' .. rule, size + 1
      order[rule] = size
    end
    places[#places + 1] = order[rule]
  end
  places.size, places.rules, places.mark = size, rules, tonumber(redis.sha1hex(rules):sub(1, 12), 16)
  return places
end

-- The state of a client's hash, and what it has used.
local function read(key)
  local known = call('HMGET', key, 'state', 'used')
  local state = known[1]
  if not state or #state < 8 * HEAD then return { 0, 0, 0 }, '' end
  return { numbers(doubles[#state / 8], state) }, known[2] or ''
end

-- The enforced, live ban that answers for a client: -1 for one by hand, else which of the group's; and until when.
local function ban_of(key, group, now)
  if group.looked < 0 then return 0, 0 end
  local known = call('HMGET', key, 'manual', unpack(group.bans))
  local by_hand = known[1] and tonumber(known[1]) or 0
  if by_hand > now then return -1, by_hand end
  for rule = 1, group.looked do
    local till = known[1 + rule] and numbers(PLACED, known[1 + rule]) or 0
    if till > now then return rule, till end
  end
  return 0, 0
end

-- Write down a ban and why; the time limits of the hash are seen to with the counters.
local function place(key, till, level, meter, evidence, now)
  local rule = meter.ban:sub(5)
  local reason = string.format('%g strikes in %g s', meter.limit, meter.period / 1000000)
  call('HSET', key, meter.ban, pack(PLACED, till, level), 'since:' .. rule, now, 'reason:' .. rule, reason,
    'evidence:' .. rule, evidence)
  call('HDEL', key, 'by:' .. rule)
end

-- Count with a meter that finds no room at first sight, or counts otherwise; place the ban that may come of it.
local function count(key, meter, state, cells, evidence, index, now)
  local ban = meter.ban and call('HGET', key, meter.ban)
  local till, row = 0, 0
  if ban then till, row = numbers(PLACED, ban) end
  local used, wait, level = meter.count(meter, cells, now, till, row)
  if level > 0 then
    till = math.min(now + wait, FOREVER)
    state[BARRED] = math.max(state[BARRED], till)
    place(key, till, level, meter, evidence, now)
    if index then enlist(index, key, till, now) end
  end
  return used, wait, level
end

-- Keep what was counted: seldom more than `used`. The hash is kept as long as it may matter, and a quarter longer, so that it is
-- seldom told to be kept.
local function write(key, lifetime, places, state, moved, used, known, now)
  local size, keeps = places.size, state[DIES] < now + lifetime and math.min(1.25 * lifetime, FOREVER - now)
  local counts = pack(doubles[size], unpack(used, 1, size))
  if keeps then state[DIES], moved = math.ceil(now + keeps), true end
  if state[MARK] ~= places.mark then
    state[MARK], moved = places.mark, true
    call('HSET', key, 'rules', places.rules)
  end
  if moved then
    call('HSET', key, 'state', pack(doubles[HEAD + 2 * size], unpack(state, 1, HEAD + 2 * size)), 'used', counts)
  elseif counts ~= known then
    call('HSET', key, 'used', counts)
  end
  if keeps then
    local milliseconds = math.ceil(keeps / 1000)
    if words[1] ~= '' then milliseconds = math.max(milliseconds, 60000) end
    call('PEXPIRE', key, string.format('%.0f', milliseconds))
  end
end

-- Count every meter of a group and keep what changed. How much of each is used goes behind the `counted` figures in `readings`,
-- what more there is to say behind the `said` ones in `told`; answers how many these are now.
local function tally(key, group, state, known, evidence, index, readings, counted, told, said, now)
  local places = group.places[state[MARK]]
  if not places then
    places = places_of(group, key)
    group.places[state[MARK]] = places
  end
  local held, size = places.held, places.size
  if #known ~= 8 * held or #state ~= HEAD + 2 * held + 1 then held = 0 end -- what is unpacked ends with where it ended
  local used, moved = { numbers(doubles[held], known) }, held < size
  for rule = held + 1, size do
    used[rule], state[HEAD + 2 * rule - 1], state[HEAD + 2 * rule] = 0, 0, 0
  end
  local periods, rooms, costs, open = group.period, group.room, group.cost, state[BARRED] <= now
  for n = 1, group.size do
    local rule, period, cost = places[n], periods[n], costs[n]
    local at = HEAD + 2 * rule
    local elapsed, current = now - state[at - 1], used[rule]
    if elapsed >= period and open then
      state[at - 1], state[at], current, elapsed = roll(state[at - 1], state[at], current, period, now)
      moved = true
    end
    local before, estimate = state[at], current
    if before ~= 0 then estimate = current + before * (1 - elapsed / period) end
    if 0 <= elapsed and estimate <= rooms[n] and open then
      -- nearly every request finds room: that way is kept short
      used[rule], readings[counted + n] = current + cost, estimate + cost
    else
      group.meters = group.meters or meters_of(group)
      local cells, wait, level = { state[at - 1], state[at], current }, 0, 0
      readings[counted + n], wait, level = count(key, group.meters[n], state, cells, evidence, index, now)
      moved = moved or level > 0 or state[at - 1] ~= cells[1] or state[at] ~= cells[2]
      state[at - 1], state[at], used[rule] = unpack(cells)
      if wait > 0 then
        told[said + 1], told[said + 2], told[said + 3], said = counted + n - 1, wait, level, said + 3
      end
    end
  end
  if group.writes or state[DIES] > 0 then
    write(key, group.lifetime, places, state, moved, used, known, now)
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
local state, known, rules, ends, evidence = {}, {}, {}, {}, {}
for request = 1, requests do
  local banned = false
  for ask = 1, asks do
    state[ask], known[ask] = read(KEYS[key + ask])
    rules[ask], ends[ask] = 0, 0
    if state[ask][BARRED] > now then rules[ask], ends[ask] = ban_of(KEYS[key + ask], groups[ask], now) end
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
        if KEYS[key + earlier] == KEYS[key + ask] then state[ask], known[ask] = read(KEYS[key + ask]) end
      end
      counted, said = tally(
        KEYS[key + ask], groups[ask], state[ask], known[ask], evidence[ask], index, readings, counted, told, said, now
      )
    end
    answers[request] = pack(doubles[counted], unpack(readings, 1, counted))
    if said > 0 then answers[request] = answers[request] .. pack(doubles[said], unpack(told, 1, said)) end
  end
  key = key + asks
end
return answers
