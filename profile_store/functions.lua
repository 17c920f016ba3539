#!lua name=hub

-- Two functions carry the whole pipeline: `hub_read` and `hub_commit`. A profile's key is `{bNN}:c:<customer>`;
-- its value is a version of 12 digits and JSON, or `>` and the customer it was merged into.

local VERSION = 12
local CHUNK = 1000 -- unpack() may not put more than a few thousand values on the stack

local function beside(key, kind)
  return string.sub(key, 1, 5) .. ':' .. kind .. ':' .. string.sub(key, 9)
end

-- KEYS: profiles. ARGV: for each profile the number of event names to look for, then those names.
-- Returns for each profile its value (or false) and a string with 1 for each name that was applied already.
local function read(keys, args)
  local answer, at = {}, 1
  for i, key in ipairs(keys) do
    local wanted = tonumber(args[at])
    local flags = {}
    for first = at + 1, at + wanted, CHUNK do
      local last = math.min(first + CHUNK - 1, at + wanted)
      for _, score in ipairs(redis.call('ZMSCORE', beside(key, 'd'), unpack(args, first, last))) do
        flags[#flags + 1] = score and '1' or '0'
      end
    end
    at = at + wanted + 1
    answer[2 * i - 1] = redis.call('GET', key)
    answer[2 * i] = table.concat(flags)
  end
  return answer
end

-- Reads the arguments one after another.
local function reader(args)
  local at = 0
  local self = {}
  function self.next()
    at = at + 1
    return args[at]
  end
  function self.number()
    return tonumber(self.next())
  end
  -- The next `count` arguments, handed over in handfuls; `each` may be nil to skip them.
  function self.many(count, each)
    local last = at + count
    if each then
      for first = at + 1, last, CHUNK do
        each(unpack(args, first, math.min(first + CHUNK - 1, last)))
      end
    end
    at = last
  end
  return self
end

local function call(command, key)
  return function(...)
    return redis.call(command, key, ...)
  end
end

-- The customer became part of another: its timeline and its applied events move there.
local function absorb(key, target)
  local rows = redis.call('LRANGE', beside(key, 't'), 0, -1)
  for first = 1, #rows, CHUNK do
    redis.call('LPUSH', beside(target, 't'), unpack(rows, first, math.min(first + CHUNK - 1, #rows)))
  end
  redis.call('ZUNIONSTORE', beside(target, 'd'), 2, beside(target, 'd'), beside(key, 'd'), 'AGGREGATE', 'MIN')
  redis.call('DEL', beside(key, 't'), beside(key, 'd'))
end

local function write(key, arg, apply)
  local document, absorbed = arg.next(), arg.next()
  local function run(command, target)
    return apply and call(command, target) or nil
  end
  if apply then
    redis.call('SET', key, document)
    if absorbed ~= '' then
      absorb(key, absorbed)
    end
  end
  arg.many(arg.number(), run('RPUSH', beside(key, 't')))
  arg.many(arg.number(), run('ZADD', beside(key, 'd')))
  local keep_rows, forget_before = arg.number(), arg.next()
  arg.many(arg.number(), run('HSET', string.sub(key, 1, 5) .. ':o'))
  arg.many(arg.number(), run('ZADD', string.sub(key, 1, 5) .. ':z'))
  arg.many(arg.number(), run('ZREM', string.sub(key, 1, 5) .. ':z'))
  arg.many(arg.number(), run('ZADD', string.sub(key, 1, 5) .. ':s'))
  arg.many(arg.number(), run('ZREM', string.sub(key, 1, 5) .. ':s'))
  local news = arg.next()
  if not apply then
    return
  end
  if keep_rows > 0 then
    redis.call('LTRIM', beside(key, 't'), -keep_rows, -1)
  end
  if forget_before ~= '' then
    redis.call('ZREMRANGEBYSCORE', beside(key, 'd'), '-inf', '(' .. forget_before)
  end
  redis.call('PUBLISH', 'live:' .. string.sub(key, 9), string.sub(document, 1, VERSION))
  if news ~= '' then
    redis.call('PUBLISH', 'desk', news)
  end
end

-- KEYS: the watermarks, then the profiles of all groups in order.
-- ARGV: partitions (each: field, expected, new), groups (each: number of members, their expected versions),
-- then each member as `write` reads it. All checks come first: what follows cannot fail, since nothing is
-- rolled back. A group is written whole or not at all; the numbers of refused groups are returned, and the
-- watermarks rise only when there is none. A watermark that is not where the caller left it means that the
-- store lost its tail, or that the caller no longer owns the partition: then nothing is written.
local function commit(keys, args)
  local arg = reader(args)
  local raise = {}
  for _ = 1, arg.number() do
    local field, expected, new = arg.next(), arg.next(), arg.next()
    local found = redis.call('HGET', keys[1], field) or ''
    if found ~= expected then
      return redis.error_reply('GAP ' .. field .. ' ' .. (found == '' and '-' or found))
    end
    raise[#raise + 1], raise[#raise + 2] = field, new
  end
  local groups, refused, position = {}, {}, 1
  for number = 1, arg.number() do
    local members, fits = arg.number(), true
    for _ = 1, members do
      position = position + 1
      if redis.call('GETRANGE', keys[position], 0, VERSION - 1) ~= arg.next() then
        fits = false
      end
    end
    groups[number] = { members, fits }
    if not fits then
      refused[#refused + 1] = number - 1
    end
  end
  position = 1
  for _, group in ipairs(groups) do
    for _ = 1, group[1] do
      position = position + 1
      write(keys[position], arg, group[2])
    end
  end
  if #refused == 0 and #raise > 0 then
    redis.call('HSET', keys[1], unpack(raise))
  end
  return refused
end

-- KEYS: buckets' timers. ARGV: now, until when they are leased, how many at most.
-- Due timers are taken by moving them to the end of their lease: whoever dies with one loses it again.
local function lease(keys, args)
  local due, left = {}, tonumber(args[3])
  for _, key in ipairs(keys) do
    if left > 0 then
      for _, member in ipairs(redis.call('ZRANGE', key, '-inf', args[1], 'BYSCORE', 'LIMIT', 0, left)) do
        redis.call('ZADD', key, args[2], member)
        due[#due + 1] = member
        left = left - 1
      end
    end
  end
  return due
end

redis.register_function({ function_name = 'hub_read', callback = read, flags = { 'no-writes' } })
redis.register_function('hub_commit', commit)
redis.register_function('hub_lease', lease)
