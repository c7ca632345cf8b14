package server

import (
	"context"
	"log/slog"
	"time"

	"authbench/targets/store"
)

// events is the log of authentication events; a nil logger keeps it silent. No
// credential is ever written, only whom it was for. docs/metrics.md has the names
// and fields, which stay what they are.
type events struct{ log *slog.Logger }

func (e events) login(subject string) { e.write(slog.LevelInfo, "login", slog.String("sub", subject)) }

func (e events) refresh(subject string) {
	e.write(slog.LevelInfo, "refresh", slog.String("sub", subject))
}

// reuse says that two parties had one refresh token, and that its family has ended.
func (e events) reuse(subject string) {
	e.write(slog.LevelError, "refresh_reuse", slog.String("sub", subject))
}

func (e events) revoke(subject, what string) {
	e.write(slog.LevelInfo, "revoke", slog.String("sub", subject), slog.String("what", what))
}

func (e events) reject(route route, reason string) {
	e.write(slog.LevelWarn, "reject", slog.String("route", route.String()), slog.String("reason", reason))
}

func (e events) forbid(route route, reason string) {
	e.write(slog.LevelWarn, "forbid", slog.String("route", route.String()), slog.String("reason", reason))
}

// limit says that a password was not looked at, by the limit of the account or of the
// address.
func (e events) limit(route route, by string) {
	e.write(slog.LevelWarn, "login_limited", slog.String("route", route.String()), slog.String("by", by))
}

// hashBusy says that a password was not looked at, because too many others were.
func (e events) hashBusy(route route) {
	e.write(slog.LevelError, "hash_busy", slog.String("route", route.String()))
}

func (e events) unavailable(route route, err error) {
	e.write(slog.LevelError, "store_unavailable",
		slog.String("route", route.String()), slog.String("kind", store.Failure(err)), slog.String("error", err.Error()))
}

// What follows is seen once a second by the watch, and so written at most so often.

func (e events) poolWait(pool string, waits, timeouts uint64, mean time.Duration) {
	e.write(slog.LevelWarn, "store_pool_wait", slog.String("pool", pool), slog.Uint64("waits", waits),
		slog.Uint64("timeouts", timeouts), slog.Duration("mean_wait", mean))
}

func (e events) vanished(n uint64) {
	e.write(slog.LevelWarn, "sessions_vanished", slog.Uint64("sessions", n))
}

func (e events) loginBurst(logins uint64, usual float64) {
	e.write(slog.LevelWarn, "login_burst", slog.Uint64("logins", logins), slog.Float64("usual", usual))
}

func (e events) staleCopy(age, limit time.Duration) {
	e.write(slog.LevelWarn, "revocation_copy_stale", slog.Duration("age", age), slog.Duration("max_age", limit))
}

func (e events) write(level slog.Level, event string, attrs ...slog.Attr) {
	if e.log != nil {
		e.log.LogAttrs(context.Background(), level, event, attrs...)
	}
}
