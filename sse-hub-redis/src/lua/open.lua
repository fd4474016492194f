-- Finds the epoch of a stream, or gives it a new one, and makes sure that its last ID is that of an
-- entry.
--
-- KEYS: the stream
-- ARGV: the prefix of the mark, a new epoch, the nonce of a new entry, how many epochs were left,
--       these epochs, then positions that this node has read or was told of: for each the epoch, the
--       ID, the nonce, and how many milliseconds ago that was
-- Returns: the mark, the last ID, its nonce, the time
local key, prefix = KEYS[1], ARGV[1]

local version = tonumber(redis.call('INFO', 'server'):match('redis_version:(%d+)'))
if version < 7 then
  return redis.error_reply('ERR sse-hub-redis needs Redis 7.0 or newer')
end
local replid, promoted_from, replica = read_replication()
if replica then
  return replica
end
local epoch, since, seen_on, marks = read_mark(key, prefix)

local left = tonumber(ARGV[4])
for i = 5, 4 + left do
  if epoch == ARGV[i] then
    epoch = nil
  end
end

-- A server that was promoted may lack what its master has acknowledged.
if seen_on ~= replid and promoted_from:match('[^0]') then
  epoch = nil
end
-- So may one that was restarted, or that others knew as the master before this node did. What this
-- node knows from before the epoch began is covered by the gap at its beginning.
if epoch then
  local age = now() - since
  for i = 5 + left, #ARGV, 4 do
    if (ARGV[i] == epoch or tonumber(ARGV[i + 3]) < age) and fate_of(key, ARGV[i + 1], ARGV[i + 2]) == 'lost' then
      epoch = nil
      break
    end
  end
end

if not epoch or seen_on ~= replid then
  if not epoch then
    epoch, since = ARGV[2], string.format('%d', now())
  end
  local mark = prefix .. epoch .. ':' .. since .. ':' .. replid
  redis.call('XGROUP', 'CREATE', key, mark, '$', 'MKSTREAM')
  for _, name in ipairs(marks) do
    redis.call('XGROUP', 'DESTROY', key, name)
  end
  marks = { mark }
end

local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
if not last or last[1] ~= read_stream(key)['last-generated-id'] then
  last = { redis.call('XADD', key, '*', 'n', ARGV[3]), { 'n', ARGV[3] } }
end
return { marks[1], last[1], nonce_of(last), now() }
