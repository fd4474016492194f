-- What all scripts share.

-- Returns the epoch of the stream, when it began, and the replication ID that it was last seen with,
-- then the names of all groups that look like its mark: there must be one.
local function read_mark(key, prefix)
  local names, epoch, since, seen_on = {}, nil, nil, nil
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  for _, group in ipairs(groups.err and {} or groups) do
    local name = group[2]
    if name:sub(1, #prefix) == prefix then
      table.insert(names, name)
      epoch, since, seen_on = name:sub(#prefix + 1):match('^(%x+):(%d+):(%x+)$')
    end
  end
  if #names ~= 1 then
    epoch = nil
  end
  return epoch, since, seen_on, names
end

-- Returns the replication IDs of this server and of the one that it was promoted from; an error from
-- a replica.
local function read_replication()
  local replication = redis.call('INFO', 'replication')
  if replication:match('role:(%a+)') ~= 'master' then
    return nil, nil, redis.error_reply('READONLY this server is a replica')
  end
  return replication:match('master_replid:(%x+)'), replication:match('master_replid2:(%x+)'), nil
end

-- Returns milliseconds.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Returns the nonce of an entry; zeros if it has none.
local function nonce_of(entry)
  for i = 1, #entry[2], 2 do
    local value = entry[2][i + 1]
    if entry[2][i] == 'n' and #value == 8 and value:match('^[0-9a-f]+$') then
      return value
    end
  end
  return '00000000'
end

local function read_stream(key)
  local fields, info = {}, redis.call('XINFO', 'STREAM', key)
  for i = 1, #info, 2 do
    fields[info[i]] = info[i + 1]
  end
  return fields
end

-- Whether an ID is lower than another one. The numbers have 64 bits, more than Lua's hold.
local function is_before(one, other)
  local function compare(a, b)
    if #a ~= #b then
      return #a - #b
    end
    return a == b and 0 or (a < b and -1 or 1)
  end
  local one_ms, one_seq = one:match('(%d+)-(%d+)')
  local other_ms, other_seq = other:match('(%d+)-(%d+)')
  local ms = compare(one_ms, other_ms)
  return ms < 0 or (ms == 0 and compare(one_seq, other_seq) < 0)
end

-- Returns what became of an entry that was in this stream:
-- `here`, `deleted` by its name, `trimmed`, perhaps with others behind it, or `lost`.
local function fate_of(key, id, nonce)
  local entry = redis.call('XRANGE', key, id, id)[1]
  if entry then
    return nonce_of(entry) == nonce and 'here' or 'lost'
  end
  local stream = read_stream(key)
  if is_before(stream['last-generated-id'], id) then
    return 'lost'
  end
  local first = stream['first-entry']
  if not first or is_before(id, first[1]) then
    return 'trimmed'
  end
  return is_before(stream['max-deleted-entry-id'], id) and 'lost' or 'deleted'
end
