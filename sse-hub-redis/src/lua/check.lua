-- Looks at the entry that was read after.
--
-- KEYS: the stream
-- ARGV: the prefix of the mark, the replication ID, the epoch of the entry, its ID, its nonce
-- Returns: what became of it, and the time
local replid, _, replica = read_replication()
if replica then
  return replica
elseif replid ~= ARGV[2] then
  return redis.error_reply('TRYAGAIN the server has another history now')
end
if read_mark(KEYS[1], ARGV[1]) ~= ARGV[3] then
  return { 'lost', now() }
end
return { fate_of(KEYS[1], ARGV[4], ARGV[5]), now() }
