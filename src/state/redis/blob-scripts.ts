import { redisScript } from './redis-connection.ts'

/**
 * Keeps the sum of the bytes of one owner below a bound. KEYS: its blobs by expiry in milliseconds; their facts, with their sum in
 * the field `` (empty). ARGV: blob, bytes, facts, ttlMs, max. Returns blobs that must go, as pairs of blob and facts: the one that
 * is replaced, and those that expire first. Expired blobs are gone already.
 */
export const admitBlob = redisScript(`
local blobs, facts = KEYS[1], KEYS[2]
for _, name in ipairs(KEYS) do
  local kind = redis.call('TYPE', name).ok
  if kind ~= 'none' and kind ~= (name == blobs and 'zset' or 'hash') then redis.call('UNLINK', blobs, facts) end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sum = tonumber(redis.call('HGET', facts, '') or '0') or 0
local function drop(blob)
  local fact = redis.call('HGET', facts, blob)
  redis.call('ZREM', blobs, blob)
  redis.call('HDEL', facts, blob)
  sum = sum - (fact and tonumber(string.match(fact, '^%d+')) or 0)
  return fact
end
for _, blob in ipairs(redis.call('ZRANGEBYSCORE', blobs, '-inf', now, 'LIMIT', 0, 1000)) do drop(blob) end
local gone = {}
local function evict(blob)
  local fact = drop(blob)
  if fact then gone[#gone + 1] = blob gone[#gone + 1] = fact end
end
evict(ARGV[1])
local bytes = tonumber(ARGV[2])
while sum + bytes > tonumber(ARGV[5]) do
  local first = redis.call('ZRANGE', blobs, 0, 0)[1]
  if not first then sum = 0 break end
  evict(first)
end
redis.call('ZADD', blobs, string.format('%.0f', now + ARGV[4]), ARGV[1])
redis.call('HSET', facts, ARGV[1], ARGV[2] .. ' ' .. ARGV[3], '', string.format('%.0f', sum + bytes))
for _, name in ipairs(KEYS) do
  if redis.call('PTTL', name) < tonumber(ARGV[4]) then redis.call('PEXPIRE', name, ARGV[4]) end
end
return gone`)
