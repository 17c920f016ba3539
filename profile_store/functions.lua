-- Two functions carry the whole pipeline: `hub_read` and `hub_commit`. A profile's key is `{bNN}:c:<customer>`, with
-- `g<number>` in front in a generation that was built beside another; its value is a version of 12 characters and
-- the document, or `>` and the customer it was merged into. What they work on comes as one MessagePack argument: thousands of small ones cost the caller more than all its other work.
-- Before it stands applied.lua. On a Redis Cluster a function sees one bucket only; cluster.lua follows there and takes
-- the place of `hub_commit`.

local VERSION = 12
local COUNT = 8 -- the digits of a version that count
local NONE = {}
local LOOKS = 65536 -- after so many, how a field came counts half: what it did a week ago says less
local STRETCH = 5000 -- looks: after a fault of days that was repaired, the next one must not hide as long
local KEPT = 30 * 86400 -- seconds that is known how fields came
local DAYS = 31 -- of which is counted what rules did; effects.py shows 30

-- Where in a profile's key the bucket ends; the customer begins four characters later.
local function bucket_end(key)
  return string.find(key, '}', 1, true)
end

local function customer_of(key)
  return string.sub(key, bucket_end(key) + 4)
end

local function beside(key, kind)
  local last = bucket_end(key)
  return string.sub(key, 1, last) .. ':' .. kind .. ':' .. string.sub(key, last + 4)
end

local function in_bucket(key, kind)
  return string.sub(key, 1, bucket_end(key)) .. ':' .. kind
end

-- All generations have one outbox.
local function outbox_of(key)
  return string.sub(key, string.find(key, '{', 1, true), bucket_end(key)) .. ':o'
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
    local key = wanted[1]
    answer[#answer + 1] = redis.call('GET', key)
    answer[#answer + 1] = applied(beside(key, 'd'), wanted[2])
  end
  return answer
end

-- Rows of another timeline are older than what is here; those that are here already stay where they are.
local function put_before(key, rows)
  local here, newest_first = {}, {}
  for _, row in ipairs(redis.call('LRANGE', beside(key, 't'), 0, -1)) do
    here[row] = true
  end
  for number = #rows, 1, -1 do -- LPUSH turns them around again: one identity's rows keep their order
    if not here[rows[number]] then
      newest_first[#newest_first + 1] = rows[number]
    end
  end
  each('LPUSH', beside(key, 't'), newest_first)
end

-- A name for this run of the server: it is another one after a restart, or when these functions are loaded anew.
local function run()
  return tostring(NONE)
end

-- The same, and which run of the server answers.
local function read_here(keys, args)
  local answer = read(keys, args)
  answer[#answer + 1] = run()
  return answer
end

-- The customer became part of another: its timeline and its applied events move there.
local function absorb(key, target)
  put_before(target, redis.call('LRANGE', beside(key, 't'), 0, -1))
  remember(beside(target, 'd'), remembered_of(beside(key, 'd')))
  redis.call('DEL', beside(key, 't'), beside(key, 'd'))
end

-- The same for a customer of another bucket, which the caller brings along.
local function adopt(key, rows, seen)
  put_before(key, rows)
  remember(beside(key, 'd'), seen)
end

-- What most changes do without: { what, command, kind of key }, in the order it is written.
local RARE = {
  { 'timers', 'ZADD', 'z' },
  { 'cancelled', 'ZREM', 'z' },
  { 'terms', 'ZADD', 's' },
  { 'gone', 'ZREM', 's' },
  { 'entered', 'ZADD', 'g' },
  { 'left', 'ZREM', 'g' },
}

-- What rules did: [rule, day, what, how often] of each. A server that stands alone has it in one place, and each bucket
-- of a cluster that of its customers, so that what is lost with them is counted again when they are read again.
local function count(key, effects, in_cluster)
  local today = math.floor(redis.call('TIME')[1] / 86400)
  for _, one in ipairs(effects) do
    if one[2] > today - DAYS then
      local place = (in_cluster and in_bucket(key, 'n:') or 'n:') .. one[1]
      if redis.call('HINCRBY', place, one[2] .. ' ' .. one[3], one[4]) == one[4] then
        for _, field in ipairs(redis.call('HKEYS', place)) do
          if tonumber(string.match(field, '^%d+')) <= today - DAYS then
            redis.call('HDEL', place, field)
          end
        end
        redis.call('EXPIRE', place, (DAYS + 1) * 86400)
      end
    end
  end
end

-- The feed has to hear of this customer. A place that only leads to a customer never was one in the feed.
local function feed(key, customer)
  if string.sub(customer.document, 1, 1) ~= '>' then
    redis.call('ZADD', in_bucket(key, 'f'), tonumber(string.sub(customer.document, 1, COUNT)), customer_of(key))
  elseif customer.absorbed or customer.moved then
    redis.call('ZADD', in_bucket(key, 'f'), 0, customer_of(key))
  end
end

-- `mode`: what the generation that is written is for. One that is being built has no readers.
local function write(key, customer, mode)
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
    remember(beside(key, 'd'), customer.seen)
  end
  if customer.forget then
    forget(beside(key, 'd'), customer.forget)
  end
  for _, rare in ipairs(RARE) do
    if customer[rare[1]] then
      each(rare[2], in_bucket(key, rare[3]), customer[rare[1]])
    end
  end
  for _, adopted in ipairs(customer.adopted or NONE) do
    adopt(key, adopted[1], adopted[2])
  end
  if mode.building then
    return -- and its outbox, which is everybody's, gets nothing: all that was said is said
  end
  if customer.outbox then
    each('HSET', outbox_of(key), customer.outbox)
  end
  if customer.effects then
    count(key, customer.effects, mode.in_cluster)
  end
  if mode.feed then
    feed(key, customer)
  end
  if mode.in_cluster then
    redis.call('SPUBLISH', beside(key, 'live'), string.sub(customer.document, 1, COUNT))
  else
    redis.call('PUBLISH', 'live:' .. customer_of(key), string.sub(customer.document, 1, COUNT))
  end
  if customer.news then
    redis.call('PUBLISH', 'desk', customer.news)
  end
end

-- Whether a generation may be written, and what for; or what is wrong. ARGV of the caller: generation, feed.
local function standing(key, generation, wants_feed)
  local found = redis.call('HMGET', key, 'current', 'building', 'sealed')
  if (found[1] or '0') ~= generation then
    if found[2] == generation then
      return { building = true }
    end
    return nil, 'GAP generation ' .. generation .. ': ' .. (found[1] or '0') .. ' is in use'
  end
  if found[3] then
    local now = redis.call('TIME')
    if now[1] * 1000 + now[2] / 1000 < tonumber(found[3]) then
      return nil, 'SEALED a generation that was built is being put in use'
    end
  end
  return { feed = wants_feed == '1' }
end

-- KEYS: the watermarks, the generations. ARGV: [partition, expected, new] of each watermark; the groups, each a list
-- of [profile's key, expected version, what to write]; the caller's generation; whether there is a feed; the run of the server that it has read from: what another run was told
-- since the watermarks rose may be lost, and nothing else would show it.
-- All checks come first: what follows cannot fail, since nothing is rolled back. A group is written whole or not
-- at all; the numbers of refused groups are returned, and the watermarks rise only when there is none. A watermark
-- that is not where the caller left it means that the store lost its tail, or that the caller no longer owns the
-- partition: then nothing is written.
local function commit(keys, args)
  if args[5] ~= '' and args[5] ~= run() then
    return redis.error_reply('GAP the server was started anew')
  end
  local mode, wrong = standing(keys[2], args[3], args[4])
  if wrong then
    return redis.error_reply(wrong)
  end
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
        write(member[1], member[3], mode)
      end
    end
  end
  if #refused == 0 then
    for _, mark in ipairs(marks) do
      if mark[3] ~= mark[2] then
        redis.call('HSET', keys[1], mark[1], mark[3])
      end
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

-- KEYS: the generations, watermarks of the one in use, watermarks of the one that was built. ARGV: the number of
-- either, and all their watermarks as the caller knows them. The one that was built takes the other's place, if both
-- are exactly there. Nothing is half done: it is one step.
local function switch(keys, args)
  local found = redis.call('HMGET', keys[1], 'current', 'building')
  if (found[1] or '0') ~= args[1] or found[2] ~= args[2] then
    return redis.error_reply('GAP generation ' .. args[2] .. ' is not being built any more')
  end
  for number = 1, 2 do
    local marks, count = cmsgpack.unpack(args[number + 2]), 0
    for partition, mark in pairs(marks) do
      count = count + 1
      if redis.call('HGET', keys[number + 1], partition) ~= mark then
        return 0
      end
    end
    if redis.call('HLEN', keys[number + 1]) ~= count then
      return 0
    end
  end
  redis.call('HSET', keys[1], 'current', args[2], 'old:' .. args[1], '1')
  redis.call('HDEL', keys[1], 'building', 'sealed')
  return 1
end

-- KEYS: a bucket's changed customers. ARGV: customer, version, ... as the feed has them now.
-- One that changed again meanwhile stays.
local function fed(keys, args)
  for number = 1, #args, 2 do
    local score = redis.call('ZSCORE', keys[1], args[number])
    if score and tonumber(score) == tonumber(args[number + 1]) then
      redis.call('ZREM', keys[1], args[number])
    end
  end
  return 0
end

-- ARGV: a list of keys of profiles. Returns for each: its value, its timeline, and the records of its applied events.
local function copy(_, args)
  local answer = {}
  for _, key in ipairs(cmsgpack.unpack(args[1])) do
    answer[#answer + 1] = redis.call('GET', key)
    answer[#answer + 1] = redis.call('LRANGE', beside(key, 't'), 0, -1)
    answer[#answer + 1] = remembered_of(beside(key, 'd'))
  end
  return answer
end

-- KEYS: a profile's key. ARGV: records of applied events, which come from a copy.
local function put(keys, args)
  remember(beside(keys[1], 'd'), args[1])
end

-- KEYS: how the fields of one kind of event came. ARGV: a list of [field, and the numbers of `Looks` in arrivals.py]: what
-- one worker saw since it told last. They are added to the numbers of `Arrivals` in hub/arrivals.py.
-- An event is looked at by one worker only, so sums are exact; which of two workers saw a field last is exact to seconds.
local function arrived(keys, args)
  local found, now = cmsgpack.unpack(args[1]), 0
  for _, new in ipairs(found) do
    local old = {}
    for number in string.gmatch(redis.call('HGET', keys[1], new[1]) or '', '%d+') do
      old[#old + 1] = tonumber(number)
    end
    local looked, seen, longest, dry, last, since, latest, odd = unpack(#old == 8 and old or { 0, 0, 0, 0, 0, 0, 0, 0 })
    if new[3] == 0 then
      since = dry > 0 and since or new[8]
      dry, odd = dry + new[2], odd + new[10]
    else
      local before = math.min(dry, STRETCH)
      looked, seen = looked + before + new[2] - new[6], seen + new[3]
      -- That it did not come before it came first is no stretch that ended by itself.
      longest = math.min(math.max(longest, new[5], last > 0 and before + new[4] or 0), STRETCH)
      dry, last, since, odd = new[6], math.max(last, new[7]), new[8], new[10]
    end
    if looked > LOOKS then
      looked, seen, longest = math.floor(looked / 2), math.ceil(seen / 2), math.floor(longest / 2)
    end
    latest = math.max(latest, new[9])
    now = math.max(now, latest)
    redis.call('HSET', keys[1], new[1], string.format('%d %d %d %d %d %d %d %d', looked, seen, longest, dry, last, since, latest, odd))
  end
  if redis.call('HLEN', keys[1]) > #found then
    for _, field in ipairs(redis.call('HKEYS', keys[1])) do
      local latest = string.match(redis.call('HGET', keys[1], field), '(%d+) %d+$')
      if tonumber(latest) < now - KEPT * 1000 then
        redis.call('HDEL', keys[1], field)
      end
    end
  end
  redis.call('EXPIRE', keys[1], KEPT)
end

redis.register_function({ function_name = 'hub_read', callback = read_here, flags = { 'no-writes' } })
redis.register_function('hub_commit', commit)
redis.register_function('hub_lease', lease)
redis.register_function('hub_switch', switch)
redis.register_function('hub_fed', fed)
redis.register_function('hub_put', put)
redis.register_function('hub_arrived', arrived)
redis.register_function({ function_name = 'hub_copy', callback = copy, flags = { 'no-writes' } })
