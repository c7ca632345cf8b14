package revoke

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// list is the store's side of a list of revocations that nodes copy. Its keys:
//
//	rm  hash: gen, a random name that changes when the list is lost, and seq,
//	    the number of the last change
//	ri  sorted set of the members, scored with the number of their last change
//	rv  hash of the members: "EXPIRES VALUE", by the clock of Redis
//	rs  stream of the latest changes, for readers that wait
//
// The set is what makes any gap harmless: whatever a reader missed, also for the
// reason that the stream was trimmed under it, are the members with a number
// above the last one it has.
type list struct {
	*db
	keep    time.Duration
	keys    []string // rm, ri, rv, rs
	scripts listScripts
}

// streamLength is how many changes a waiting reader may be behind before it has
// to ask for what it missed.
const streamLength = 1000

func openList(cfg Config) (*list, error) {
	d, err := openDB(cfg.Redis)
	if err != nil {
		return nil, err
	}
	l := &list{db: d, keep: cfg.Keep, scripts: newListScripts()}
	for _, kind := range []string{"rm", "ri", "rv", "rs"} {
		if d.Cluster { // all on one server
			kind = "{r}" + kind
		}
		l.keys = append(l.keys, d.Prefix+kind)
	}
	return l, nil
}

type listScripts struct{ publish, ask, changes *redis.Script }

func newListScripts() listScripts {
	return listScripts{
		// ARGV: member, value, keep ms, fresh generation, length of the stream. The
		// first write is one that takes memory: out of memory nothing is written.
		// Members expire in the order of their numbers, near enough: a few of the
		// oldest are looked at with every change.
		publish: redis.NewScript(`
redis.call('HSETNX', KEYS[1], 'gen', ARGV[4])
local gen = redis.call('HGET', KEYS[1], 'gen')
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], seq, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f', now + ARGV[3]) .. ' ' .. ARGV[2])
redis.call('XADD', KEYS[4], 'MAXLEN', ARGV[5], '*', 'gen', gen, 'seq', seq, 'member', ARGV[1], 'value', ARGV[2])
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, 7)) do
	local kept = redis.call('HGET', KEYS[3], member)
	if kept and tonumber(string.match(kept, '^%d+')) > now then
		break
	end
	redis.call('ZREM', KEYS[2], member)
	redis.call('HDEL', KEYS[3], member)
end
return {gen, seq}
`),
		// ARGV: fresh generation or "" to make none, members. Answers the generation
		// and what is kept of each member, "" for nothing.
		ask: redis.NewScript(`
local gen = redis.call('HGET', KEYS[1], 'gen')
if not gen and ARGV[1] ~= '' then
	gen = ARGV[1]
	redis.call('HSET', KEYS[1], 'gen', gen)
end
local out = {gen or ''}
for i = 2, #ARGV do
	out[i] = redis.call('HGET', KEYS[3], ARGV[i]) or ''
end
return out
`),
		// ARGV: generation, run and number that the reader has. Answers what it needs
		// to have all: generation, run, number, whether the members are all there are
		// ("all") or those that changed ("more"), the last entry of the stream, then
		// member and value in turns. All of it is one instant.
		changes: redis.NewScript(`
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local gen = redis.call('HGET', KEYS[1], 'gen') or ''
local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or '0')
local from, how = tonumber(ARGV[3]), 'more'
if gen ~= ARGV[1] or run ~= ARGV[2] or seq < from then
	from, how = 0, 'all'
end
local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
local out = {gen, run, string.format('%.0f', seq), how, last[1] and last[1][1] or '0-0'}
if seq > from then
	for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', from), '+inf')) do
		local kept = redis.call('HGET', KEYS[3], member)
		if kept then
			out[#out + 1] = member
			out[#out + 1] = string.match(kept, '^%d+ (.*)$')
		end
	end
end
return out
`),
	}
}

// Members of the list: a log-in, whose value means nothing, or a user, whose
// value is the generation that tokens need to have.
func sessionMember(session string) string { return "s:" + session }
func subjectMember(subject string) string { return "u:" + subject }

// publish adds a revocation and returns the list's generation and the number of
// the change. When it returns nil every later poll has it.
func (l *list) publish(ctx context.Context, member, value string) (gen string, seq int64, err error) {
	v, err := l.texts(ctx, "revoke", l.scripts.publish, l.keys, member, value, millis(l.keep), random(), streamLength)
	if err != nil {
		return "", 0, err
	}
	if len(v) != 2 {
		return "", 0, fmt.Errorf("revoke: redis revoke: answered %q", v)
	}
	if seq, err = strconv.ParseInt(v[1], 10, 64); err != nil {
		return "", 0, fmt.Errorf("revoke: redis revoke: number %q", v[1])
	}
	return v[0], seq, nil
}

// kept is what the list has of a member.
type kept struct {
	value string
	found bool
}

// ask reads members from the store itself, and the name of the list, which it
// makes up if fresh is not "".
func (l *list) ask(ctx context.Context, fresh string, members ...string) (generation string, out []kept, err error) {
	args := []any{fresh}
	for _, m := range members {
		args = append(args, m)
	}
	v, err := l.texts(ctx, "ask", l.scripts.ask, l.keys, args...)
	if err != nil {
		return "", nil, err
	}
	if len(v) != 1+len(members) {
		return "", nil, fmt.Errorf("revoke: redis ask: %d answers to %d members", len(v), len(members))
	}
	for _, text := range v[1:] {
		_, value, found := strings.Cut(text, " ")
		out = append(out, kept{value, found})
	}
	return v[0], out, nil
}

// changed is what a reader did not have.
type changed struct {
	position
	all     bool // the members are all there are
	members [][2]string
}

// position is how far a reader has got.
type position struct {
	gen, run string
	seq      int64
	last     string // entry of the stream
}

// changes asks for what came after at.
func (l *list) changes(ctx context.Context, at position) (changed, error) {
	v, err := l.texts(ctx, "poll", l.scripts.changes, l.keys, at.gen, at.run, at.seq)
	if err != nil {
		return changed{}, err
	}
	if len(v) < 5 || len(v)%2 == 0 {
		return changed{}, fmt.Errorf("revoke: redis poll: answered %d texts", len(v))
	}
	seq, err := strconv.ParseInt(v[2], 10, 64)
	if err != nil {
		return changed{}, fmt.Errorf("revoke: redis poll: number %q", v[2])
	}
	c := changed{position: position{v[0], v[1], seq, v[4]}, all: v[3] == "all"}
	for i := 5; i < len(v); i += 2 {
		c.members = append(c.members, [2]string{v[i], v[i+1]})
	}
	return c, nil
}
