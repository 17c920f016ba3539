-- The names of the events that were applied to a customer: what comes again has no second effect.
-- They lie in a hash, many in one field: with an entry for each, a name would cost ten times its own size. A record is
-- a name (5 bytes) and the day it was received on (2). A field is called by the first hexadecimal digits of the names in
-- it. A record lies in the field of fewest digits that had room, so where a field has room, there is none of more digits.

local NAME, RECORD = 5, 7
local FEW = 9 * RECORD -- with values of up to 64 bytes a small hash stays packed, as servers are set
local MANY = 27 * RECORD -- a packed hash of hundreds of fields would be slow to read: this ends it in time
local SWEPT = '-' -- the field that says before which day all was forgotten
local CHUNK = 1000 -- unpack() may not put more than a few thousand values on the stack

local hex -- of each byte; made when it is needed first, as `string` is not there while a library is loaded

local function digits_of(name)
  return (string.gsub(name, '.', hex))
end

local function first_digit(name)
  if not hex then
    hex = {}
    for byte = 0, 255 do
      hex[byte] = string.format('%x', math.floor(byte / 16))
      hex[string.char(byte)] = string.format('%02x', byte)
    end
  end
  return hex[string.byte(name)]
end

local function holds(records, name)
  local at = string.find(records, name, 1, true)
  while at and at % RECORD ~= 1 do
    at = string.find(records, name, at + 1, true)
  end
  return at
end

-- The field that holds a name, or else the one that has room for it; its records; and where in these the name is.
-- `known` are fields that were read before.
local function place(key, known, name)
  local field, digits = first_digit(name), nil
  for depth = 1, 2 * NAME do -- in the last one there is always room: only this name belongs there
    local records = known[field]
    if not records then
      records = redis.call('HGET', key, field) or ''
      known[field] = records
    end
    local at = holds(records, name)
    if at or #records < (depth == 1 and FEW or MANY) then
      return field, records, at
    end
    digits = digits or digits_of(name)
    field = string.sub(digits, 1, depth + 1)
  end
end

-- Of many names, one after another: a string with 1 for each that is there.
local function applied(key, names)
  local known, flags = {}, {}
  for first = 1, #names, NAME do
    local _, _, at = place(key, known, string.sub(names, first, first + NAME - 1))
    flags[#flags + 1] = at and '1' or '0'
  end
  return table.concat(flags)
end

-- Adds many records, one after another. A name that is there already stays as it is.
local function remember(key, records)
  local known, changed, list = {}, {}, {}
  for first = 1, #records, RECORD do
    local field, found, at = place(key, known, string.sub(records, first, first + NAME - 1))
    if not at then
      known[field], changed[field] = found .. string.sub(records, first, first + RECORD - 1), true
    end
  end
  for field in pairs(changed) do
    list[#list + 1], list[#list + 2] = field, known[field]
  end
  for first = 1, #list, CHUNK do
    redis.call('HSET', key, unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

-- All records, one after another.
local function remembered_of(key)
  local found, parts = redis.call('HGETALL', key), {}
  for number = 1, #found, 2 do
    if found[number] ~= SWEPT then
      parts[#parts + 1] = found[number + 1]
    end
  end
  return table.concat(parts)
end

-- Forgets the names of before a day; at most once for each such day, since all have to be looked at.
local function forget(key, day)
  if tonumber(redis.call('HGET', key, SWEPT) or 0) >= day then
    return
  end
  local records, kept = remembered_of(key), {}
  for first = 1, #records, RECORD do
    local high, low = string.byte(records, first + NAME, first + NAME + 1)
    if high * 256 + low >= day then
      kept[#kept + 1] = string.sub(records, first, first + RECORD - 1)
    end
  end
  if #kept * RECORD < #records then
    redis.call('DEL', key)
    remember(key, table.concat(kept))
  end
  redis.call('HSET', key, SWEPT, day)
end
