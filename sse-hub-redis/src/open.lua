-- Finds the epoch of a stream, or gives it a new one, and makes sure that its last ID is that of an
-- entry.
--
-- KEYS: the stream
-- ARGV: the prefix of the mark, a new epoch, the nonce of a new entry, how many epochs were left,
--       these epochs, then pairs of an ID and a nonce that must be there after a restart
-- Returns: the epoch, the last ID, its nonce
local key, prefix = KEYS[1], ARGV[1]

local version = tonumber(redis.call('INFO', 'server'):match('redis_version:(%d+)'))
if version < 7 then
  return redis.error_reply('ERR sse-hub-redis needs Redis 7.0 or newer')
end
local replication = redis.call('INFO', 'replication')
if replication:match('role:(%a+)') ~= 'master' then
  return redis.error_reply('READONLY this server is a replica')
end
local replid = replication:match('master_replid:(%x+)')
local promoted_from = replication:match('master_replid2:(%x+)')

-- The mark is the name of a group: the prefix, the epoch, and the replication ID that it was last
-- seen with.
local marks, epoch, seen_on = {}, nil, nil
if redis.call('EXISTS', key) == 1 then
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local name = group[2]
    if name:sub(1, #prefix) == prefix then
      table.insert(marks, name)
      epoch, seen_on = name:sub(#prefix + 1):match('^(%x+):(%x+)$')
    end
  end
end
if #marks ~= 1 then
  epoch = nil
end

local left = tonumber(ARGV[4])
for i = 5, 4 + left do
  if epoch == ARGV[i] then
    epoch = nil
  end
end

if epoch and seen_on ~= replid then
  if seen_on == promoted_from then
    epoch = nil
  else
    for i = 5 + left, #ARGV, 2 do
      local entry = redis.call('XRANGE', key, ARGV[i], ARGV[i])[1]
      local nonce = nil
      if entry then
        for j = 1, #entry[2], 2 do
          if entry[2][j] == 'n' then
            nonce = entry[2][j + 1]
          end
        end
      end
      if nonce ~= ARGV[i + 1] then
        epoch = nil
      end
    end
  end
end

local mark = prefix .. (epoch or ARGV[2]) .. ':' .. replid
if not (epoch and seen_on == replid) then
  redis.call('XGROUP', 'CREATE', key, mark, '$', 'MKSTREAM')
  for _, name in ipairs(marks) do
    redis.call('XGROUP', 'DESTROY', key, name)
  end
end

local last_id
local info = redis.call('XINFO', 'STREAM', key)
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    last_id = info[i + 1]
  end
end
local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
if not last or last[1] ~= last_id then
  redis.call('XADD', key, '*', 'n', ARGV[3])
  last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
end
local nonce = ''
for j = 1, #last[2], 2 do
  if last[2][j] == 'n' then
    nonce = last[2][j + 1]
  end
end
if nonce == '' then
  -- Someone else's entry.
  local id = redis.call('XADD', key, '*', 'n', ARGV[3])
  last, nonce = { id }, ARGV[3]
end
return { epoch or ARGV[2], last[1], nonce }
