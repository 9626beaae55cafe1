-- How a meter counts that is not counted in the quick way: arithmetic.py line by line, in the same doubles. The functions are
-- made when they are first needed, for most calls of the script need none.
local FOREVER = 9007199254740992

-- The window that `now` falls in, what the one before held, what this one holds, and how far into it we are.
local function roll(began, before, current, period, now)
  local elapsed = now - began
  if 0 <= elapsed and elapsed < period then return began, before, current, elapsed end
  if -2 * period < elapsed and elapsed < 0 then return began, before, current, 0 end
  if 0 <= elapsed and elapsed < 2 * period then return began + period, current, 0, elapsed - period end
  return now, 0, 0, 0
end

-- The cells of a meter are when its window began, what the window before held, and what this one holds.
local function arithmetic()
  local function wait_for_room(room, period, elapsed, before, current)
    if room < 0 then return period end
    if current <= room then return math.max(1, period * (1 - (room - current) / before) - elapsed) end
    return math.max(1, period - elapsed + period * (1 - room / current))
  end

  local function sliding(meter, cells, now)
    local period, room, cost = meter.period, meter.room, meter.cost
    local began, before, current, elapsed = roll(cells[1], cells[2], cells[3], period, now)
    cells[1], cells[2], cells[3] = began, before, current
    if cost < 0 then
      cells[2], cells[3] = 0, 0
      return 0, 0, 0
    end
    local used = current + before * (1 - elapsed / period)
    if used > room then return used, wait_for_room(room, period, elapsed, before, current), 0 end
    cells[3] = current + cost
    return used + cost, 0, 0
  end

  local function fixed(meter, cells, now)
    local period, room, cost = meter.period, meter.room, meter.cost
    local start = now - math.fmod(now, period)
    if cells[1] ~= start then cells[1], cells[3] = start, 0 end
    local used = cells[3]
    local counted = cost >= 0 and math.max(used + cost, 0) or 0
    cells[3] = counted
    return counted, used > room and start + period - now or 0, 0
  end

  local function gcra(meter, cells, now)
    local limit, period, need, cost = meter.limit, meter.period, meter.need, meter.cost
    local pace = limit > 0 and period / limit or FOREVER
    local tolerance = limit > 0 and meter.burst * pace or 0
    local arrival = cells[1]
    if arrival <= now or arrival > now + (tolerance + 2 * period) then arrival = now end -- as after a clock was set back
    if need ~= 0 then
      local wait = arrival + need * pace - tolerance - now
      if wait > 1 then -- less than a microsecond is rounding, and would eat from the burst
        return (arrival - now) / pace, limit <= 0 and math.min(wait, period) or wait, 0
      end
    end
    if cost < 0 then
      cells[1], arrival = now, now
    elseif cost ~= 0 then
      arrival = math.min(arrival + cost * pace, now + (tolerance + period))
      cells[1] = arrival
    end
    return (arrival - now) / pace, 0, 0
  end

  -- Count a strike, and ban at the limit; `till` and `row` are when the last ban ends and how many there were in a row.
  local function strikes(meter, cells, now, till, row)
    local limit, cost, times, bantimes = meter.limit, meter.cost, meter.times, meter.bantimes
    if till > now then return limit, till - now, 0 end
    local used = sliding(meter, cells, now)
    if cost <= 0 or used < limit or times == 0 then return used, 0, 0 end
    if till == 0 or now >= till + bantimes[times] then row = 0 end
    cells[2], cells[3] = 0, 0
    return used, bantimes[math.min(row + 1, times)], row + 1
  end

  return { [0] = sliding, fixed, gcra, strikes }
end
