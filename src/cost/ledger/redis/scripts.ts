import { type RedisScript, redisScript } from '../../../state/redis/redis-connection.ts'
import { MAX_LABELS, OTHER_LABELS } from '../labels.ts'

/** How long a statement that has ended is kept, in seconds: to tell repeated calls, and to compare it with the engine's list. */
const ENDED_S = 7 * 86_400
/** How long the sums of days and months are kept, in seconds. */
const SUMS_S = 400 * 86_400
/** How long the names of the labels of a day are kept, in seconds. */
const LABELS_S = 3 * 86_400
const MARK_S = 62 * 86_400
/** Most statements of a day whose costs are kept by their text; the cheapest give way. */
export const MAX_TOP = 500

/**
 * Keys after the prefix: `s:ID` a statement; `held` ids by their expiry; `open` submitted ids by their time; `b:SPAN` spent (`|s`)
 * and reserved (`|r`) amounts of accounts; `u:DAY` usage; `t:DAY:GROUP` statements by cost, with their runs and bytes in `n:DAY:GROUP`
 * and texts in `x:DAY`; `l:DAY:PRINCIPAL` labels; `m:NAME` marks. Fields of usage and members of costs end in `|LABEL` if there is
 * one. States of a statement are those of the SQLite ledger. Lua's numbers are exact up to 2^53.
 */
const library = `
local P = KEYS[1]
local function key(name) return P .. name end
local function num(x) if x == 0 then return '0' end return string.format('%.0f', x) end
local function find(id)
  local flat = redis.call('HGETALL', key('s:' .. id))
  if #flat == 0 then return nil end
  local s = { id = id }
  for i = 1, #flat, 2 do s[flat[i]] = flat[i + 1] end
  for _, name in ipairs({ 'state', 'nano', 'bytes', 'spent', 'billed', 'slots', 'hit' }) do s[name] = tonumber(s[name]) end
  return s
end
local function add(name, field, by)
  if by == 0 then return end
  redis.call('HINCRBY', key(name), field, num(by))
end
local function keep(name) redis.call('EXPIRE', key(name), ${SUMS_S}) end
local function addToSpans(s, spent, reserved)
  if spent == 0 and reserved == 0 then return end
  for _, span in ipairs({ s.day, string.sub(s.day, 1, 7) }) do
    for _, account in ipairs(cjson.decode(s.accounts)) do
      add('b:' .. span, account .. '|s', spent)
      add('b:' .. span, account .. '|r', reserved)
    end
    keep('b:' .. span)
  end
end
local function addUsage(s, group, isNew, nano, billed, slots, hits)
  local row = s.source .. '|' .. s.principal .. '|' .. group
  local name = 'u:' .. s.day
  local label = s.label and s.label ~= '' and '|' .. s.label or ''
  add(name, row .. '|n' .. label, isNew)
  add(name, row .. '|c' .. label, nano)
  add(name, row .. '|b' .. label, billed)
  add(name, row .. '|t' .. label, slots)
  add(name, row .. '|h' .. label, hits)
  keep(name)
  local top, more = 't:' .. s.day .. ':' .. group, 'n:' .. s.day .. ':' .. group
  local member = s.source .. '|' .. s.principal .. '|' .. s.hash .. label
  redis.call('ZINCRBY', key(top), num(nano), member)
  add(more, member .. '|n', isNew)
  add(more, member .. '|b', billed)
  if redis.call('ZCARD', key(top)) > ${MAX_TOP} then
    for _, least in ipairs(redis.call('ZRANGE', key(top), 0, 49)) do
      redis.call('ZREM', key(top), least)
      redis.call('HDEL', key(more), least .. '|n', least .. '|b')
    end
  end
  keep(top)
  keep(more)
end
local function spend(s, nano, billed, slots, hit, state)
  local isHeld = s.state <= 1
  redis.call('HSET', key('s:' .. s.id), 'state', state, 'spent', num(nano), 'billed', num(billed), 'slots', num(slots), 'hit', num(hit))
  redis.call('ZREM', key('held'), s.id)
  if state ~= 4 then
    redis.call('ZREM', key('open'), s.id)
    redis.call('EXPIRE', key('s:' .. s.id), ${ENDED_S})
  end
  addToSpans(s, nano - s.spent, isHeld and -s.nano or 0)
  local isNew = (isHeld or s.state == 3) and 1 or 0
  for _, group in ipairs(cjson.decode(s.grps)) do
    addUsage(s, group, isNew, nano - s.spent, billed - s.billed, slots - s.slots, hit - s.hit)
  end
  if s.text ~= '' and redis.call('HLEN', key('x:' .. s.day)) < ${MAX_TOP * 10} then
    redis.call('HSETNX', key('x:' .. s.day), s.hash, s.text)
    keep('x:' .. s.day)
  end
end
local function giveBack(s)
  redis.call('HSET', key('s:' .. s.id), 'state', 3)
  redis.call('EXPIRE', key('s:' .. s.id), ${ENDED_S})
  redis.call('ZREM', key('held'), s.id)
  redis.call('ZREM', key('open'), s.id)
  addToSpans(s, 0, -s.nano)
end
local function balance(account, span)
  local found = redis.call('HMGET', key('b:' .. span), account .. '|s', account .. '|r')
  return tonumber(found[1] or '0'), tonumber(found[2] or '0')
end
`

const script = (lua: string): RedisScript => redisScript(library + lua)

export const scripts = {
  /** ARGV: id, at, expiresAt, nano, bytes, source, principal, groups (JSON, the first is empty), accounts (JSON), hash, text, day, label; account, span, max of each limit. */
  reserve: script(
    `
local id, at, nano = ARGV[1], ARGV[2], tonumber(ARGV[4])
for _, each in ipairs(redis.call('ZRANGEBYSCORE', key('held'), '-inf', at, 'LIMIT', 0, 100)) do
  local s = find(each)
  if not s then redis.call('ZREM', key('held'), each)
  elseif s.state == 0 then giveBack(s)
  else spend(s, s.nano, s.bytes, 0, 0, 4) end
end
local isKnown = redis.call('EXISTS', key('s:' .. id)) == 1
local refusedBy, answer = -1, {}
for i = 14, #ARGV, 3 do
  local spent, reserved = balance(ARGV[i], ARGV[i + 1])
  if not isKnown and refusedBy < 0 and nano > 0 and spent + reserved + nano > tonumber(ARGV[i + 2]) then refusedBy = (i - 14) / 3 end
  answer[#answer + 1] = { spent, reserved }
end
if not isKnown and refusedBy < 0 then
  local label, labels = ARGV[13], key('l:' .. ARGV[12] .. ':' .. ARGV[7])
  if label ~= '' and redis.call('SISMEMBER', labels, label) == 0 then
    if redis.call('SCARD', labels) < ${MAX_LABELS} then
      redis.call('SADD', labels, label)
      redis.call('EXPIRE', labels, ${LABELS_S})
    else label = '${OTHER_LABELS}' end
  end
  redis.call('HSET', key('s:' .. id), 'state', 0, 'at', at, 'expires', ARGV[3], 'nano', ARGV[4], 'bytes', ARGV[5], 'source', ARGV[6],
    'principal', ARGV[7], 'grps', ARGV[8], 'accounts', ARGV[9], 'hash', ARGV[10], 'text', ARGV[11], 'day', ARGV[12], 'label', label,
    'spent', 0, 'billed', 0, 'slots', 0, 'hit', 0)
  redis.call('ZADD', key('held'), ARGV[3], id)
  addToSpans(find(id), 0, nano)
  for i = 14, #ARGV, 3 do
    local spent, reserved = balance(ARGV[i], ARGV[i + 1])
    answer[(i - 14) / 3 + 1] = { spent, reserved }
  end
end
local flat = { num(refusedBy) }
for _, each in ipairs(answer) do
  flat[#flat + 1] = num(each[1])
  flat[#flat + 1] = num(each[2])
end
return flat`,
  ),
  /** ARGV: id, project, location, job id, expiresAt. */
  submitted: script(
    `
local s = find(ARGV[1])
if not s or s.state > 1 then return 0 end
redis.call('HSET', key('s:' .. s.id), 'state', 1, 'project', ARGV[2], 'location', ARGV[3], 'job', ARGV[4], 'expires', ARGV[5])
redis.call('ZADD', key('held'), ARGV[5], s.id)
redis.call('ZADD', key('open'), s.at, s.id)
return 1`,
  ),
  /** ARGV: id, nano, billed bytes, slot milliseconds, cache hit (0 or 1), whether to correct what has ended (0 or 1). */
  settle: script(
    `
local s = find(ARGV[1])
if s and (s.state <= 1 or s.state == 4 or ARGV[6] == '1') then
  spend(s, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), 2)
end`,
  ),
  /** ARGV: id. */
  release: script(
    `
local s = find(ARGV[1])
if s and s.state <= 1 then giveBack(s) end`,
  ),
  /** ARGV: account and span of each balance. */
  balances: script(
    `
local flat = {}
for i = 1, #ARGV, 2 do
  local spent, reserved = balance(ARGV[i], ARGV[i + 1])
  flat[#flat + 1] = num(spent)
  flat[#flat + 1] = num(reserved)
end
return flat`,
  ),
  /** ARGV: name. */
  mark: script(`return redis.call('SET', key('m:' .. ARGV[1]), '1', 'NX', 'EX', ${MARK_S}) and 1 or 0`),
} as const
