package store

import "github.com/redis/go-redis/v9"

// redisScripts change a session and the index of its subject in one step. Each
// is one EVALSHA; only a server that has not seen it yet (new or restarted)
// answers NOSCRIPT, has done nothing, and gets the text.
//
// Order matters where Redis is out of memory: it then refuses a command that
// needs some and breaks the script off, but only as long as the script has
// written nothing. So the first write of the scripts that add is the SET, and
// scripts that only remove still work.
//
// The index goes by the clock of Redis: a node whose own is ahead must not drop
// sessions of others from the list that log-out-everywhere works through.
type redisScripts struct{ create, rotate, remove, removeAll *redis.Script }

// redisList is the part of a script that lists a key in an index. It needs the
// locals index, life (ms to the absolute end) and key.
const redisList = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
redis.call('ZADD', index, now + life, key)
if redis.call('PTTL', index) < tonumber(life) then
	redis.call('PEXPIRE', index, life)
end
`

func newRedisScripts() redisScripts {
	// KEYS: session, index. ARGV: record, ttl ms, ms to the absolute end, key.
	const add = `
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local index, life, key = KEYS[2], ARGV[3], ARGV[4]` + redisList
	return redisScripts{
		create: redis.NewScript(add + "return 1"),
		// KEYS and ARGV of add for the new session, then the old one's.
		rotate: redis.NewScript(`
if redis.call('EXISTS', KEYS[3]) == 0 then
	return 0
end` + add + `
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[2], ARGV[5])
return 1
`),
		// KEYS: session, index. ARGV: key.
		remove: redis.NewScript(`
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
`),
		// KEYS: index. ARGV: prefix of sessions, key to keep or empty.
		removeAll: redis.NewScript(`
local n = 0
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
	if key ~= ARGV[2] then
		n = n + redis.call('DEL', ARGV[1] .. key)
		redis.call('ZREM', KEYS[1], key)
	end
end
return n
`),
	}
}
