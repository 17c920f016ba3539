-- What follows functions.lua on a Redis Cluster, as one library with it. KEYS has a key of the one bucket that a
-- function works on. A value may here also be a seal: `!` and the transaction that holds it, before what it was.
-- seals.py tells of transactions, marks.py of marks, helping.py of epochs.

local MODE = { in_cluster = true }
local SEAL = 27 -- '!', the bucket that decides in 2 digits, and the transaction in 24

local function now()
  local time = redis.call('TIME')
  return string.format('%013d', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- When a transaction was begun, by the clock of who began it, in ms.
local function created(transaction)
  return tonumber(string.sub(transaction, 1, 11), 16)
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
      redis.call('ZADD', in_bucket(key, 'y'), created(string.sub(member[3], 4)), string.sub(member[3], 4))
      answer[number] = NONE
      if member[4] then
        answer[number] = { redis.call('LRANGE', beside(key, 't'), 0, -1), remembered_of(beside(key, 'd')) }
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
        write(member[1], member[3], MODE)
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
        write(key, member[3], MODE)
      else
        if old == '' then
          redis.call('DEL', key)
        else
          redis.call('SET', key, old)
        end
        redis.call('ZREM', in_bucket(key, 'y'), string.sub(member[2], 4))
      end
    end
  end
  return count
end

-- KEYS: the bucket's transactions. ARGV: one of them, and whether the caller is making the bucket sound. Gives it up
-- unless it is decided; its record, or nothing. That there is no record says something only of a sound bucket: else
-- what was let go could be changed before everybody knows that something was lost.
local function decide(keys, args)
  local unsound = args[2] ~= 'healing' and hindrance(keys[1])
  if unsound then
    return unsound
  end
  local record = redis.call('HGET', keys[1], args[1])
  if record and string.sub(record, 1, 1) ~= 'o' then
    return record
  end
  redis.call('HDEL', keys[1], args[1])
  return false
end

-- KEYS: the bucket's transactions. ARGV: one of them. Its record, or nothing.
local function record(keys, args)
  return hindrance(keys[1]) or redis.call('HGET', keys[1], args[1])
end

-- KEYS: the bucket's transactions. ARGV: one of them, which was carried out everywhere just now.
local function done(keys, args)
  local record = redis.call('HGET', keys[1], args[1])
  if record and string.sub(record, 1, 1) ~= 'o' then
    redis.call('HSET', keys[1], args[1], 'r' .. now() .. string.sub(record, 15))
  end
end

-- KEYS: the bucket's transactions. Returns the time, all of them, and whether the bucket is sound.
local function transactions(keys)
  return { now(), redis.call('HGETALL', keys[1]), is_sound(keys[1]) and 1 or 0 }
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
    if redis.call('ZADD', in_bucket(keys[1], 'y'), created(transaction[1]), transaction[1]) == 1 then
      for _, member in ipairs(transaction[2]) do
        write(member[1], member[2], MODE)
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

redis.register_function('hub_seal', seal)
redis.register_function('hub_bucket', bucket)
redis.register_function('hub_unseal', unseal)
redis.register_function('hub_decide', decide)
redis.register_function('hub_done', done)
redis.register_function('hub_raise', raise)
redis.register_function('hub_ticket', ticket)
redis.register_function('hub_epoch', epoch)
redis.register_function('hub_heal', heal)
redis.register_function({ function_name = 'hub_record', callback = record, flags = { 'no-writes' } })
redis.register_function({ function_name = 'hub_state', callback = state, flags = { 'no-writes' } })
redis.register_function({ function_name = 'hub_look', callback = look, flags = { 'no-writes' } })
redis.register_function({ function_name = 'hub_transactions', callback = transactions, flags = { 'no-writes' } })
