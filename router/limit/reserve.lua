-- ARGV[2..3] are the limits, 0 for none; ARGV[4] the tokens to reserve; ARGV[5]
-- how long a ticket lives.
-- Returns: allowed, and of both units: used, wait, reset. -1 alone is a
-- reservation that its caller has given up.

local cost = {1, tonumber(ARGV[4])}
local slots, used, back = load(now)

-- wait is how long it takes until no more than free of a unit are used.
local function wait(unit, free)
  local left = used[unit]
  if left <= free then return 0 end
  for i = 1, #slots, 4 do
    left = left - slots[i + 1 + unit]
    if left <= free then return slots[i + 1] + width - now end
  end
  return width
end

local allowed, waits = 1, {0, 0}
for unit = 1, 2 do
  local limit = tonumber(ARGV[1 + unit])
  if limit > 0 and used[unit] > limit - cost[unit] then
    allowed = 0
    waits[unit] = math.max(wait(unit, limit - cost[unit]), 1)
  end
end

if allowed == 1 then
  local name = charge(slots, now, cost[1], cost[2])
  if not redis.call('SET', KEYS[2], string.format('%.0f', name), 'NX', 'PX', ARGV[5]) then return {-1} end
  used = {used[1] + cost[1], used[2] + cost[2]}
end
if allowed == 1 or back then store(slots) end
return {allowed, used[1], waits[1], wait(1, 0), used[2], waits[2], wait(2, 0)}
