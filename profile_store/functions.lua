#!lua name=hub

-- Two functions carry the whole pipeline: `hub_read` and `hub_commit`. A profile's key is `{bNN}:c:<customer>`;
-- its value is a version of 12 characters and JSON, or `>` and the customer it was merged into. What they work on
-- comes as one MessagePack argument: thousands of small ones cost the caller more than all its other work.
-- On a Redis Cluster a function sees one bucket only, and the second half of this file takes the place of
-- `hub_commit`: a value may then also be a seal, `!` and the transaction that holds it, before what it was.

local VERSION = 12
local COUNT = 8 -- the digits of a version that count
local NONE = {}
local CHUNK = 1000 -- unpack() may not put more than a few thousand values on the stack

local function beside(key, kind)
  return string.sub(key, 1, 5) .. ':' .. kind .. ':' .. string.sub(key, 9)
end

local function in_bucket(key, kind)
  return string.sub(key, 1, 5) .. ':' .. kind
end

-- Runs a command with a list of arguments of any length; a list that is empty runs nothing.
local function each(command, key, list)
  for first = 1, #list, CHUNK do
    redis.call(command, key, unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

-- ARGV: a list of [profile's key, names of events to look for].
-- Returns for each its value (or false) and a string with 1 for each name that was applied already.
local function read(_, args)
  local answer = {}
  for _, wanted in ipairs(cmsgpack.unpack(args[1])) do
    local key, refs, flags = wanted[1], wanted[2], {}
    for first = 1, #refs, CHUNK do
      local last = math.min(first + CHUNK - 1, #refs)
      for _, score in ipairs(redis.call('ZMSCORE', beside(key, 'd'), unpack(refs, first, last))) do
        flags[#flags + 1] = score and '1' or '0'
      end
    end
    answer[#answer + 1] = redis.call('GET', key)
    answer[#answer + 1] = table.concat(flags)
  end
  return answer
end

-- The customer became part of another: its timeline and its applied events move there.
local function absorb(key, target)
  local rows, newest_first = redis.call('LRANGE', beside(key, 't'), 0, -1), {}
  for number, row in ipairs(rows) do
    newest_first[#rows + 1 - number] = row -- LPUSH turns them around again: one identity's rows keep their order
  end
  each('LPUSH', beside(target, 't'), newest_first)
  redis.call('ZUNIONSTORE', beside(target, 'd'), 2, beside(target, 'd'), beside(key, 'd'), 'AGGREGATE', 'MIN')
  redis.call('DEL', beside(key, 't'), beside(key, 'd'))
end

-- The timeline and the applied events of a customer of another bucket come here. Whoever lost the end of its memory
-- may bring them a second time: rows that are here stay where they are.
local function adopt(key, rows, seen)
  local here, newest_first = {}, {}
  for _, row in ipairs(redis.call('LRANGE', beside(key, 't'), 0, -1)) do
    here[row] = true
  end
  for number = #rows, 1, -1 do
    if not here[rows[number]] then
      newest_first[#newest_first + 1] = rows[number]
    end
  end
  each('LPUSH', beside(key, 't'), newest_first)
  for first = 1, #seen, CHUNK do
    redis.call('ZADD', beside(key, 'd'), 'LT', unpack(seen, first, math.min(first + CHUNK - 1, #seen)))
  end
end

-- What most changes do without: { what, command, kind of key }, in the order it is written.
local RARE = {
  { 'outbox', 'HSET', 'o' },
  { 'timers', 'ZADD', 'z' },
  { 'cancelled', 'ZREM', 'z' },
  { 'terms', 'ZADD', 's' },
  { 'gone', 'ZREM', 's' },
}

local function write(key, customer, in_cluster)
  redis.call('SET', key, customer.document)
  if customer.absorbed then
    absorb(key, customer.absorbed)
  end
  if customer.replace or customer.moved then
    redis.call('DEL', beside(key, 't'))
  end
  if customer.moved then
    redis.call('DEL', beside(key, 'd'))
  end
  if customer.rows then
    each('RPUSH', beside(key, 't'), customer.rows)
  end
  if customer.keep then
    redis.call('LTRIM', beside(key, 't'), -customer.keep, -1)
  end
  if customer.seen then
    each('ZADD', beside(key, 'd'), customer.seen)
  end
  if customer.forget then
    redis.call('ZREMRANGEBYSCORE', beside(key, 'd'), '-inf', '(' .. customer.forget)
  end
  for _, rare in ipairs(RARE) do
    if customer[rare[1]] then
      each(rare[2], in_bucket(key, rare[3]), customer[rare[1]])
    end
  end
  for _, adopted in ipairs(customer.adopted or NONE) do
    adopt(key, adopted[1], adopted[2])
  end
  if in_cluster then
    redis.call('SPUBLISH', beside(key, 'live'), string.sub(customer.document, 1, COUNT))
  else
    redis.call('PUBLISH', 'live:' .. string.sub(key, 9), string.sub(customer.document, 1, COUNT))
  end
  if customer.news then
    redis.call('PUBLISH', 'desk', customer.news)
  end
end

-- KEYS: the watermarks. ARGV: [partition, expected, new] of each watermark; and the groups, each a list of
-- [profile's key, expected version, what to write].
-- All checks come first: what follows cannot fail, since nothing is rolled back. A group is written whole or not
-- at all; the numbers of refused groups are returned, and the watermarks rise only when there is none. A watermark
-- that is not where the caller left it means that the store lost its tail, or that the caller no longer owns the
-- partition: then nothing is written.
local function commit(keys, args)
  local marks, groups, refused = cmsgpack.unpack(args[1]), cmsgpack.unpack(args[2]), {}
  for _, mark in ipairs(marks) do
    local found = redis.call('HGET', keys[1], mark[1]) or ''
    if found ~= mark[2] then
      return redis.error_reply('GAP ' .. mark[1] .. ' ' .. (found == '' and '-' or found))
    end
  end
  for number, group in ipairs(groups) do
    for _, member in ipairs(group) do
      if redis.call('GETRANGE', member[1], 0, VERSION - 1) ~= member[2] then
        group.refused = true
      end
    end
    if group.refused then
      refused[#refused + 1] = number - 1
    end
  end
  for _, group in ipairs(groups) do
    if not group.refused then
      for _, member in ipairs(group) do
        write(member[1], member[3])
      end
    end
  end
  if #refused == 0 then
    for _, mark in ipairs(marks) do
      redis.call('HSET', keys[1], mark[1], mark[3])
    end
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

-- From here on: a Redis Cluster. KEYS is a key of the one bucket that a function works on.

local SEAL = 19 -- '!', the bucket that decides in 2 digits, and the transaction in 16

local function now()
  local time = redis.call('TIME')
  return string.format('%013d', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- A server that was started anew, or took another's place, may lack the end of what was written. It knows by what it
-- remembers only while it runs: the epoch in which a bucket was last made sound.
local remembered, tickets = {}, {}

local function epoch_of(key)
  return redis.call('GET', in_bucket(key, 'e')) or ''
end

local function is_sound(key)
  local epoch = epoch_of(key)
  return epoch ~= '' and remembered[string.sub(key, 1, 5)] == epoch
end

-- What hinders a caller who saw the bucket in this epoch.
local function hindrance(key, epoch)
  if not is_sound(key) then
    return redis.error_reply('UNSOUND ' .. string.sub(key, 1, 5))
  end
  if epoch and epoch_of(key) ~= epoch then
    return redis.error_reply('GAP ' .. string.sub(key, 1, 5) .. ' is in another epoch')
  end
end

-- Checks the marks that the caller left under a key, and sets new ones; what is wrong, or nothing.
local function mark(key, marks)
  for _, one in ipairs(marks) do
    local found = redis.call('HGET', key, one[1]) or ''
    if found ~= one[2] then
      return redis.error_reply('GAP ' .. one[1] .. ' in ' .. key .. ' ' .. (found == '' and '-' or found))
    end
  end
  for _, one in ipairs(marks) do
    redis.call('HSET', key, one[1], one[3])
  end
end

-- KEYS: the bucket's marks. ARGV: [partition, expected, new] of each mark; [profile's key, expected version, seal,
-- whether its timeline moves]; and the epoch. Returns for each false, when it is not what was expected, or timeline and
-- applied events, which nobody changes while it is sealed.
local function seal(keys, args)
  local gap, answer = hindrance(keys[1], args[3]) or mark(keys[1], cmsgpack.unpack(args[1])), {}
  if gap then
    return gap
  end
  for number, member in ipairs(cmsgpack.unpack(args[2])) do
    local key = member[1]
    local value = redis.call('GET', key) or ''
    if string.sub(value, 1, VERSION) ~= member[2] then
      answer[number] = false
    else
      redis.call('SET', key, member[3] .. value)
      redis.call('HSET', in_bucket(key, 'y'), string.sub(member[3], 4), now())
      answer[number] = NONE
      if member[4] then
        local seen = redis.call('ZRANGE', beside(key, 'd'), 0, -1, 'WITHSCORES')
        answer[number] = { redis.call('LRANGE', beside(key, 't'), 0, -1), seen }
      end
    end
  end
  return answer
end

-- KEYS: the bucket's marks. ARGV: marks as above; the groups, each [members, transaction, record], with members as
-- in `hub_commit`; and the epoch. A transaction that is no longer open is refused, and its record is written with its members.
local function bucket(keys, args)
  local gap = hindrance(keys[1], args[3]) or mark(keys[1], cmsgpack.unpack(args[1]))
  if gap then
    return gap
  end
  local groups, refused, records = cmsgpack.unpack(args[2]), {}, in_bucket(keys[1], 'x')
  for number, group in ipairs(groups) do
    local record = group[2] ~= '' and (redis.call('HGET', records, group[2]) or '')
    group.refused = record and string.sub(record, 1, 1) ~= 'o'
    for _, member in ipairs(group[1]) do
      group.refused = group.refused or redis.call('GETRANGE', member[1], 0, VERSION - 1) ~= member[2]
    end
    if group.refused then
      refused[#refused + 1] = number - 1
    end
  end
  for _, group in ipairs(groups) do
    if not group.refused then
      for _, member in ipairs(group[1]) do
        write(member[1], member[3], true)
      end
      if group[2] ~= '' then
        redis.call('HSET', records, group[2], 'c' .. now() .. group[3])
      end
    end
  end
  return refused
end

-- ARGV: [profile's key, its seal, what to write, or nothing to leave it as it was]. How many were under their seal.
local function unseal(_, args)
  local count = 0
  for _, member in ipairs(cmsgpack.unpack(args[1])) do
    local key = member[1]
    if redis.call('GETRANGE', key, 0, SEAL - 1) == member[2] then
      count = count + 1
      local old = redis.call('GETRANGE', key, SEAL, -1)
      if member[3] then
        write(key, member[3], true)
      else
        if old == '' then
          redis.call('DEL', key)
        else
          redis.call('SET', key, old)
        end
        redis.call('HDEL', in_bucket(key, 'y'), string.sub(member[2], 4))
      end
    end
  end
  return count
end

-- KEYS: the bucket's transactions. ARGV: one of them. Gives it up unless it is decided; its record, or nothing.
local function decide(keys, args)
  local record = redis.call('HGET', keys[1], args[1])
  if record and string.sub(record, 1, 1) ~= 'o' then
    return record
  end
  redis.call('HDEL', keys[1], args[1])
  return false
end

-- KEYS: the bucket's transactions. ARGV: one of them, which was carried out everywhere just now.
local function done(keys, args)
  local record = redis.call('HGET', keys[1], args[1])
  if record and string.sub(record, 1, 1) ~= 'o' then
    redis.call('HSET', keys[1], args[1], 'r' .. now() .. string.sub(record, 15))
  end
end

-- KEYS: the bucket's transactions. Returns the time, and all of them.
local function transactions(keys)
  return { now(), redis.call('HGETALL', keys[1]) }
end

-- KEYS: the bucket's marks. Returns its epoch, or nothing when it is not sound; and the marks.
local function state(keys)
  return { is_sound(keys[1]) and epoch_of(keys[1]), redis.call('HGETALL', keys[1]) }
end

-- As `hub_read`, of one bucket of a cluster.
local function look(keys, args)
  return hindrance(keys[1]) or read(keys, args)
end

-- KEYS: the bucket's epoch. ARGV: a name. Lets the caller make the bucket sound, unless it is; whether it may.
-- Whoever comes later, or the server when it starts again, takes that away.
local function ticket(keys, args)
  if is_sound(keys[1]) then
    return 0
  end
  tickets[string.sub(keys[1], 1, 5)] = args[1]
  return 1
end

-- KEYS: the bucket's epoch. ARGV: a new one. Sound or not, it stays so.
local function epoch(keys, args)
  if is_sound(keys[1]) then
    remembered[string.sub(keys[1], 1, 5)] = args[1]
  end
  redis.call('SET', keys[1], args[1])
end

-- KEYS: the bucket's epoch. ARGV: the caller's name, which is the epoch; and the decided transactions that reach in
-- here, oldest first: [transaction, [[profile's key, what to write], ...]]. Of those whose seals are lost, what they
-- decided is written over what is older. Then the bucket is sound.
local function heal(keys, args)
  local here = string.sub(keys[1], 1, 5)
  if is_sound(keys[1]) or tickets[here] ~= args[1] then
    return 0
  end
  for _, transaction in ipairs(cmsgpack.unpack(args[2])) do
    if redis.call('HSETNX', in_bucket(keys[1], 'y'), transaction[1], now()) == 1 then
      for _, member in ipairs(transaction[2]) do
        write(member[1], member[2], true)
      end
    end
  end
  redis.call('SET', keys[1], args[1])
  remembered[here], tickets[here] = args[1], nil
  return 1
end

-- KEYS: the watermarks, and the marks of the buckets they were raised with. ARGV: watermarks, each [partition,
-- expected, new]; and [field, mark] of the buckets.
local function raise(keys, args)
  local gap = mark(keys[1], cmsgpack.unpack(args[1]))
  if gap then
    return gap
  end
  for _, one in ipairs(cmsgpack.unpack(args[2])) do
    if one[2] == '' then
      redis.call('HDEL', keys[2], one[1])
    else
      redis.call('HSET', keys[2], one[1], one[2])
    end
  end
end

redis.register_function({ function_name = 'hub_read', callback = read, flags = { 'no-writes' } })
redis.register_function('hub_commit', commit)
redis.register_function('hub_lease', lease)
redis.register_function('hub_seal', seal)
redis.register_function('hub_bucket', bucket)
redis.register_function('hub_unseal', unseal)
redis.register_function('hub_decide', decide)
redis.register_function('hub_done', done)
redis.register_function('hub_raise', raise)
redis.register_function('hub_ticket', ticket)
redis.register_function('hub_epoch', epoch)
redis.register_function('hub_heal', heal)
redis.register_function({ function_name = 'hub_state', callback = state, flags = { 'no-writes' } })
redis.register_function({ function_name = 'hub_look', callback = look, flags = { 'no-writes' } })
redis.register_function({ function_name = 'hub_transactions', callback = transactions, flags = { 'no-writes' } })
