-- A key's window as window.go has it, in milliseconds of the server's clock.
--
-- KEYS[1] holds the slots, four numbers each: first, last, requests, tokens.
-- KEYS[2] is the ticket; it holds the name of the slot that was charged.
-- ARGV[1] is the width of the window.

local width, step = tonumber(ARGV[1]), 1000

-- load returns the slots that are left, flat, what they add up to, and whether
-- the clock was set back since: what was charged in its future is charged now,
-- so that it locks nobody out for longer than a window.
local function load(now)
  local slots, used, back = {}, {0, 0}, false
  local packed = redis.call('GET', KEYS[1])
  local all = packed and cmsgpack.unpack(packed) or {}
  for i = 1, #all, 4 do
    local last = math.min(all[i + 1], now)
    back = back or last < all[i + 1]
    if now - last < width then
      local n = #slots
      slots[n + 1], slots[n + 2], slots[n + 3], slots[n + 4] = all[i], last, all[i + 2], all[i + 3]
      used[1], used[2] = used[1] + all[i + 2], used[2] + all[i + 3]
    end
  end
  return slots, used, back
end

local function store(slots)
  redis.call('SET', KEYS[1], cmsgpack.pack(slots), 'PX', width + step)
end

-- charge returns the name of the slot that was charged.
local function charge(slots, now, requests, tokens)
  local n = #slots
  if n > 0 and now >= slots[n - 3] and now - slots[n - 3] < step then
    slots[n - 2] = now
    slots[n - 1], slots[n] = slots[n - 1] + requests, slots[n] + tokens
    return slots[n - 3]
  end
  slots[n + 1], slots[n + 2], slots[n + 3], slots[n + 4] = now, now, requests, tokens
  return now
end
