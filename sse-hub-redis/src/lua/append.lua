-- Appends entries to a stream, if it has this epoch.
--
-- KEYS: the stream
-- ARGV: the prefix of the mark, the epoch, how many entries to keep, then for each entry its nonce,
--       its topic, its block
-- Returns: their IDs; fewer if Redis refuses one of them, none if the epoch is another one
if read_mark(KEYS[1], ARGV[1]) ~= ARGV[2] then
  return {}
end
local ids = {}
for i = 4, #ARGV, 3 do
  local id = redis.pcall(
    'XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'n', ARGV[i], 't', ARGV[i + 1], 'b', ARGV[i + 2]
  )
  if type(id) == 'table' then
    return #ids > 0 and ids or id
  end
  ids[#ids + 1] = id
end
return ids
