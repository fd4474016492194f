-- Appends an entry to a stream, if it has this epoch.
--
-- KEYS: the stream
-- ARGV: the prefix of the mark, the epoch, how many entries to keep, the nonce, the topic, the block
-- Returns: the ID, or nothing
if read_mark(KEYS[1], ARGV[1]) ~= ARGV[2] then
  return false
end
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'n', ARGV[4], 't', ARGV[5], 'b', ARGV[6])
