package store

import "github.com/redis/go-redis/v9"

// entryScripts compare and change in one step.
//
// Those that revoke delete before they set: a Redis that is out of memory refuses
// SET, but only as long as a script has written nothing. So a log-out works then
// too; it takes at most the bytes of a bar more than allowed.
type entryScripts struct{ fence, lease, fill, touch, bar *redis.Script }

func newEntryScripts() entryScripts {
	return entryScripts{
		// KEYS: generation. ARGV: random bytes.
		fence: redis.NewScript(`
local id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not id then
	return redis.error_reply('ERR this server does not tell its run_id')
end
local gen = redis.call('GET', KEYS[1])
if gen and string.sub(gen, 1, #id) == id then
	return 0
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], id .. ARGV[1])
return 1
`),
		// KEYS: generation, entry. ARGV: random bytes, life ms.
		lease: redis.NewScript(`
local gen = redis.call('GET', KEYS[1])
if not gen then
	return false
end
gen = string.sub(gen, -16)
local entry = redis.call('GET', KEYS[2])
if entry and string.sub(entry, 1, 16) == gen then
	return false
end
local lease = gen .. 'L' .. ARGV[1]
if redis.pcall('SET', KEYS[2], lease, 'PX', ARGV[2]).err then
	return false
end
return lease
`),
		// KEYS: entry. ARGV: lease, record with its generation, life ms.
		fill: redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`),
		// KEYS: generation, entry. ARGV: record without generation, life ms.
		touch: redis.NewScript(`
local gen = redis.call('GET', KEYS[1])
local entry = redis.call('GET', KEYS[2])
if not gen or not entry then
	return 0
end
gen = string.sub(gen, -16)
if string.sub(entry, 1, 17) ~= gen .. 'R' then
	return 0
end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], gen .. ARGV[1], 'PX', ARGV[2])
return 1
`),
		// KEYS: generation, entries. ARGV: life ms. 0: there is no generation.
		bar: redis.NewScript(`
local gen = redis.call('GET', KEYS[1])
if not gen then
	return 0
end
local bar = string.sub(gen, -16) .. 'B'
for i = 2, #KEYS do
	redis.call('DEL', KEYS[i])
	redis.call('SET', KEYS[i], bar, 'PX', ARGV[1])
end
return 1
`),
	}
}
