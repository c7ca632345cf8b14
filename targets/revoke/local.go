package revoke

import (
	"context"
	"strings"
)

// local is epoch with a copy: a node polls for the users who logged out, and asks
// the store only about those. It knows users, not log-ins. The generation of a
// token is the name of the list and the user's generation in it, LIST.GENERATION:
// a token whose list is not the one that the node copies came before the store
// lost its data, or after, so that the store is asked about it, too.
type local struct {
	*list
	mirror *mirror
}

func openLocal(cfg Config) (Strategy, error) {
	l, err := openList(cfg)
	if err != nil {
		return nil, err
	}
	m, err := newMirror(l, cfg)
	if err != nil {
		return nil, err
	}
	m.start(cfg.PollEvery, func(ctx context.Context) error {
		sleep(ctx, cfg.PollEvery)
		return nil
	})
	return &local{l, m}, nil
}

func (l *local) Begin(ctx context.Context, in Login) (string, error) {
	gen, now, err := l.ask(ctx, random(), subjectMember(in.Subject))
	if err != nil {
		return "", err
	}
	return gen + "." + now[0].value, nil
}

// Check does not ask the store unless the user is in the copy.
func (l *local) Check(ctx context.Context, t Token) error {
	hit := true
	err := l.mirror.look(func(gen string, entries map[string]entry) {
		list, _, _ := strings.Cut(t.Generation, ".")
		_, listed := entries[subjectMember(t.Subject)]
		hit = listed || list != gen
	})
	if err != nil {
		return err
	}
	if !hit {
		return nil
	}
	return l.Renew(ctx, t)
}

// Renew asks the store. A user who is not there has not logged out since the list
// was begun, or so long ago that no token of then is left.
func (l *local) Renew(ctx context.Context, t Token) error {
	gen, now, err := l.ask(ctx, "", subjectMember(t.Subject))
	if err != nil {
		return err
	}
	list, value, ok := strings.Cut(t.Generation, ".")
	if !ok || list != gen || now[0].found && now[0].value != value {
		return ErrRevoked
	}
	return nil
}

func (l *local) Revoke(ctx context.Context, t Token) error { return l.RevokeAll(ctx, t.Subject) }

func (l *local) RevokeAll(ctx context.Context, subject string) error {
	value := random()
	gen, seq, err := l.publish(ctx, subjectMember(subject), value)
	if err != nil {
		return err
	}
	l.mirror.learn(gen, seq, subjectMember(subject), value)
	return nil
}

func (l *local) Ping(ctx context.Context) error { return l.mirror.ready(ctx) }

func (l *local) Close() error {
	l.mirror.close()
	return l.db.Close()
}
