package server

import (
	"context"
	"log/slog"
)

// events is the log of authentication events; a nil logger keeps it silent. No
// credential is ever written, only whom it was for.
type events struct{ log *slog.Logger }

func (e events) login(subject string) { e.write(slog.LevelInfo, "login", slog.String("sub", subject)) }

func (e events) refresh(subject string) {
	e.write(slog.LevelInfo, "refresh", slog.String("sub", subject))
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

func (e events) unavailable(route route, err error) {
	e.write(slog.LevelError, "store_unavailable", slog.String("route", route.String()), slog.String("error", err.Error()))
}

func (e events) write(level slog.Level, event string, attrs ...slog.Attr) {
	if e.log != nil {
		e.log.LogAttrs(context.Background(), level, event, attrs...)
	}
}
