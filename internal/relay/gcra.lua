-- Takes one from each bucket, or from none when one of them refuses: the generic
-- cell rate algorithm, by the server's clock. A key holds the moment at which
-- its bucket will be full again.
--
-- KEYS: buckets. ARGV: for each the time in which one comes back (microseconds)
-- and how many it holds.
-- Returns: 1 or 0; which bucket (from 1) refused with the longest wait, or is
-- nearest to refusing; what is left in it; microseconds until it is full, and
-- until it would give.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local refused, tightest, wait, left, reset = false, 1, 0, math.huge, 0
local full = {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local span = interval * burst
  -- A clock that was set back must not keep a bucket empty for long.
  local at = math.min(math.max(tonumber(redis.call('GET', key) or now), now), now + span)
  full[i] = at + interval
  local early = full[i] - span - now
  if early > 0 then
    if early > wait then
      tightest, wait, left, reset = i, early, 0, at - now
    end
    refused = true
  elseif not refused then
    local n = math.floor(-early / interval)
    if n < left then
      tightest, left, reset = i, n, full[i] - now
    end
  end
end
if refused then
  return {0, tightest, left, reset, wait}
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
end
return {1, tightest, left, reset, 0}
