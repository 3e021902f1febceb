-- ARGV[2..3] are the requests and tokens to add, below 0 to give back; ARGV[4] is
-- how long an unknown ticket stays refused, 0 when it is known to exist.
-- Does so once: the ticket is gone after it.

local name = redis.call('GET', KEYS[2])
if not name then
  if ARGV[4] ~= '0' then redis.call('SET', KEYS[2], '', 'PX', ARGV[4]) end
  return 0
end
redis.call('DEL', KEYS[2])
name = tonumber(name)
if not name then return 0 end

local slots = load(now)
local requests, tokens = tonumber(ARGV[2]), tonumber(ARGV[3])
if tokens > 0 then
  charge(slots, now, 0, tokens)
  tokens = 0
end
for i = 1, #slots, 4 do
  if slots[i] == name then
    slots[i + 2], slots[i + 3] = slots[i + 2] + requests, slots[i + 3] + tokens
  end
end
store(slots)
return 1
