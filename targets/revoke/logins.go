package revoke

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// logins keeps a record of every log-in, rl:SESSION, and lists those of a user in
// a sorted set, ru:SUBJECT, scored with their end by the clock of Redis. What is
// not there was revoked: a store that lost its data logs everybody out, and one
// that is out of memory can still revoke, which is a DEL.
//
// A record is a hash: sub, auth (when the user last proved who they are), n (the
// number of the current refresh token) and at (when it was handed out).
//
// The scripts touch records and index together: in a cluster their names have the
// user as {tag}. A refresh token names its log-in alone, so that families, which
// begin with that, cannot be kept there.
type logins struct {
	*db
	keep    time.Duration
	scripts loginScripts
}

func openLogins(cfg Config) (*logins, error) {
	d, err := openDB(cfg.Redis)
	if err != nil {
		return nil, err
	}
	return &logins{d, cfg.Keep, newLoginScripts()}, nil
}

type loginScripts struct{ begin, renew, rotate, revoke, revokeAll *redis.Script }

func newLoginScripts() loginScripts {
	// list needs the locals index, session and keep.
	const list = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('PEXPIRE', KEYS[1], keep)
redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
redis.call('ZADD', index, now + keep, session)
if redis.call('PTTL', index) < tonumber(keep) then
	redis.call('PEXPIRE', index, keep)
end
`
	return loginScripts{
		// KEYS: record, index. ARGV: session, keep ms, subject, auth time. The HSET
		// is first: out of memory nothing is written at all.
		begin: redis.NewScript(`
local session, keep, index = ARGV[1], ARGV[2], KEYS[2]
redis.call('HSET', KEYS[1], 'sub', ARGV[3], 'auth', ARGV[4], 'n', '1', 'at', '0')
` + list + `return 1`),
		// KEYS: record, index. ARGV: session, keep ms.
		renew: redis.NewScript(`
local session, keep, index = ARGV[1], ARGV[2], KEYS[2]
if redis.call('EXISTS', KEYS[1]) == 0 then
	return 0
end
` + list + `return 1`),
		// KEYS: record. ARGV: session, keep ms, index prefix, presented number, grace
		// ms. Answers what became of it, the number to hand out, subject, auth time.
		rotate: redis.NewScript(`
local f = redis.call('HMGET', KEYS[1], 'sub', 'auth', 'n', 'at')
if not f[1] then
	return {'gone', '', '', ''}
end
local session, keep, index = ARGV[1], ARGV[2], ARGV[3] .. f[1]
local current, presented = tonumber(f[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local at = clock[1] * 1000 + math.floor(clock[2] / 1000)
if presented == current - 1 and at - tonumber(f[4]) <= tonumber(ARGV[5]) then
	return {'again', f[3], f[1], f[2]}
end
if presented ~= current then
	redis.call('DEL', KEYS[1])
	redis.call('ZREM', index, session)
	return {'reused', '', f[1], ''}
end
local following = string.format('%.0f', current + 1)
redis.call('HSET', KEYS[1], 'n', following, 'at', string.format('%.0f', at))
` + list + `return {'ok', following, f[1], f[2]}`),
		// KEYS: record, index. ARGV: session.
		revoke: redis.NewScript(`
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
`),
		// KEYS: index. ARGV: prefix of records.
		revokeAll: redis.NewScript(`
for _, session in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
	redis.call('DEL', ARGV[1] .. session)
end
return redis.call('DEL', KEYS[1])
`),
	}
}

func (l *logins) keys(session, subject string) []string {
	return []string{l.ofUser("rl", subject, session), l.ofUser("ru", subject, "")}
}

// Begin is part of Strategy; there are no generations here.
func (l *logins) Begin(ctx context.Context, in Login) (string, error) {
	_, err := l.run(ctx, "begin", l.scripts.begin, l.keys(in.Session, in.Subject), in.Session, millis(l.keep), in.Subject, in.AuthTime)
	return "", err
}

// Revoke is part of Strategy.
func (l *logins) Revoke(ctx context.Context, t Token) error {
	return l.end(ctx, "revoke", l.scripts.revoke, l.keys(t.Session, t.Subject), t.Session)
}

// RevokeAll is part of Strategy.
func (l *logins) RevokeAll(ctx context.Context, subject string) error {
	return l.end(ctx, "revoke all", l.scripts.revokeAll, []string{l.ofUser("ru", subject, "")}, l.records(subject))
}

// records is what the keys of a user's log-ins begin with.
func (l *logins) records(subject string) string {
	if l.Cluster {
		return l.ofUser("rl", subject, "")
	}
	return l.key("rl", "")
}
