-- Takes permits for all KEYS, or for none. A key is a list: the longest period that was asked of it, then the times at
-- which its permits were taken, oldest first. All times are microseconds of the server's clock.
-- ARGV: the time, or "" for the server's; then for each key its period, its rate's N, how many permits to take, and how
-- many it and the earlier ones of the same key ask for together.
-- Answer: 1 if all were taken; else 0, the first key that did not fit, counted from 0, and the time until all would.
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local function text(n) return string.format('%.0f', n) end
local function at(key, i) return tonumber(redis.call('LINDEX', key, i)) end

local which, retry = -1, 0
for i, key in ipairs(KEYS) do
  local per, most, asked = ARGV[4 * i - 2] + 0, ARGV[4 * i - 1] + 0, ARGV[4 * i + 1] + 0
  local length = redis.call('LLEN', key)
  if length > 1 and at(key, -1) > now then -- the server's clock was set back: as if the newest were taken now
    local ahead, log = at(key, -1) - now, redis.call('LRANGE', key, 0, -1)
    redis.call('DEL', key)
    redis.call('RPUSH', key, log[1])
    for j = 2, length do redis.call('RPUSH', key, text(log[j] - ahead)) end
    redis.call('PEXPIRE', key, text(math.ceil(log[1] / 1000)))
  end
  local wait = 0
  if asked > most then
    wait = per
  elseif length > most - asked + 1 then -- this one must be over before so many fit
    wait = at(key, asked - most - 1) + per - now
  end
  if wait > 0 then
    if which < 0 then which = i - 1 end
    retry = math.max(retry, wait)
  end
end
if which >= 0 then return {0, which, retry} end

for i, key in ipairs(KEYS) do
  local per, n = ARGV[4 * i - 2] + 0, ARGV[4 * i] + 0
  -- The first write is one that a server without memory refuses: later ones of a script it does not.
  if redis.call('LLEN', key) == 0 then redis.call('RPUSH', key, text(per)) end
  for _ = 1, n do redis.call('RPUSH', key, text(now)) end
  local longest = math.max(per, tonumber(redis.call('LPOP', key)))
  for _ = 1, 2 * n + 8 do -- what no rate counts any more; a few at a time, so that none pays for all
    if at(key, 0) > now - longest then break end
    redis.call('LPOP', key)
  end
  redis.call('LPUSH', key, text(longest))
  redis.call('PEXPIRE', key, text(math.ceil(longest / 1000)))
end
return {1, 0, 0}
