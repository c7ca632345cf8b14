// Package fault disturbs a testbed for a while: a link, a store's process, or a
// store's configuration. A disturbance is never assumed. It is observed to act
// before anybody relies on it, and observed to be over afterwards:
//
//	      Inject           Active             Recover         Recovered
//	idle --------> injected ------> confirmed --------> undone ---------> idle
//	                  |                ^                   ^
//	                  +-- not seen ----|-------------------+
//	                                   +-- context ends ---+
//
// Whatever happens in between, what was done is undone: when the context ends,
// when the fault cannot be confirmed, when the process that it acts on dies. Only
// kill -9 of the harness itself leaves something, and only on a store that is not
// the harness's own: those settings that are not persistent go with a restart.
package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/testbed"
)

// Fault is one kind of disturbance. A new one is a file and a line in All.
type Fault struct {
	Name    string
	Summary string // one line
	Class   string // link, process, store
	// Stores are the kinds that it can act on.
	Stores []string
	// NeedsLink: it acts on Place.Links, which may not be empty. DelayLink: those
	// have to be delay links (testbed.NewDelayLink).
	NeedsLink, DelayLink bool
	// Unreachable: the store is away or answers with errors meanwhile. DataLoss:
	// what the store had acknowledged is gone, or old again.
	Unreachable, DataLoss bool
	// OldData: what is there after it is old, rather than gone. Intermittent: some
	// of the operations go through meanwhile.
	OldData, Intermittent bool
	Params                []Param
	New                   func(Params) (Injector, error)
}

// The classes.
const (
	OfLink    = "link"
	OfProcess = "process"
	OfStore   = "store"
)

// Injector is one disturbance to be, of one Begin. Inject and Recover act, Active
// and Recovered look; those are asked again until they are nil or time is up.
type Injector interface {
	Inject(ctx context.Context, p *Place) error
	Active(ctx context.Context, p *Place) error
	// Recover undoes all that Inject did, also the half that it did before it
	// failed. It may be called again.
	Recover(ctx context.Context, p *Place) error
	Recovered(ctx context.Context, p *Place) error
	// Close lets go of what the injector itself holds.
	Close() error
}

// Place is where a fault acts.
type Place struct {
	Store *testbed.Store
	// Links from nodes to Store, for the faults that need them; it acts on all.
	Links []*testbed.Link
	// Old is what restore-old goes back to. Nil: it takes a snapshot itself.
	Old *testbed.Snapshot
	// On is what the record says it acted on; "" is the store or its links.
	On string
	// Zero is what the instants of the record count from.
	Zero time.Time
	Seed uint64
}

// How long each step may take.
const (
	injectTimeout  = 20 * time.Second
	confirmTimeout = 10 * time.Second
	recoverTimeout = 60 * time.Second
)

// NotApplicable reports whether an error of Begin says that the fault cannot be
// made in this place at all, rather than that making it has failed.
func NotApplicable(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// Active is a fault that has begun.
type Active struct {
	fault    Fault
	injector Injector
	place    *Place

	once sync.Once
	err  error

	mu     sync.Mutex
	unhook func() bool // lets the end of the context pass
	record results.Fault
}

// Begin injects f and returns when it has been seen to act. It ends with End, at
// the latest when ctx ends. given replaces defaults of f.Params.
//
// With an error the fault has been undone; the Active is nil, or what there is to
// record of the attempt.
func Begin(ctx context.Context, f Fault, given map[string]string, p *Place) (*Active, error) {
	if err := f.fits(p); err != nil {
		return nil, fmt.Errorf("fault %s: %w", f.Name, err)
	}
	params, err := f.params(given)
	if err != nil {
		return nil, fmt.Errorf("fault %s: %w", f.Name, err)
	}
	injector, err := f.New(params)
	if err != nil {
		return nil, fmt.Errorf("fault %s: %w", f.Name, err)
	}
	a := &Active{fault: f, injector: injector, place: p, unhook: func() bool { return true }}
	a.record = results.Fault{
		Name: f.Name, On: p.on(f), RequestedNS: p.since(), Unreachable: f.Unreachable, DataLoss: f.DataLoss,
	}
	if err := a.begin(ctx); err != nil {
		err = fmt.Errorf("fault %s: %w", f.Name, err)
		a.note(func(r *results.Fault) { r.Error = err.Error() })
		return a, errors.Join(err, a.End(ctx))
	}
	a.note(func(r *results.Fault) { r.ConfirmedNS = new(p.since()) })
	// The end of the context is the latest end of the fault.
	unhook := context.AfterFunc(ctx, func() { _ = a.End(ctx) }) // End says it again to whoever asks
	a.mu.Lock()
	a.unhook = unhook
	a.mu.Unlock()
	return a, nil
}

func (a *Active) begin(ctx context.Context) error {
	err := within(ctx, injectTimeout, func(ctx context.Context) error { return a.injector.Inject(ctx, a.place) })
	if err != nil {
		return fmt.Errorf("inject: %w", err)
	}
	err = within(ctx, confirmTimeout, func(ctx context.Context) error {
		return until(ctx, func(ctx context.Context) error { return a.injector.Active(ctx, a.place) })
	})
	if err != nil {
		return fmt.Errorf("not seen to act: %w", err)
	}
	return nil
}

// End undoes the fault and returns when it has been seen to be over, also when ctx
// has ended. Ending again returns the same.
func (a *Active) End(ctx context.Context) error {
	a.once.Do(func() {
		a.mu.Lock()
		a.unhook()
		a.mu.Unlock()
		a.note(func(r *results.Fault) { r.RecoverNS = new(a.place.since()) })
		err := within(context.WithoutCancel(ctx), recoverTimeout, func(ctx context.Context) error {
			if err := until(ctx, func(ctx context.Context) error { return a.injector.Recover(ctx, a.place) }); err != nil {
				return fmt.Errorf("recover: %w", err)
			}
			if err := until(ctx, func(ctx context.Context) error { return a.injector.Recovered(ctx, a.place) }); err != nil {
				return fmt.Errorf("not seen to be over: %w", err)
			}
			return nil
		})
		if err == nil {
			a.note(func(r *results.Fault) { r.RecoveredNS = new(a.place.since()) })
		} else {
			err = fmt.Errorf("fault %s: %w", a.fault.Name, err)
			a.note(func(r *results.Fault) { r.Error = joinText(r.Error, err.Error()) })
		}
		a.err = errors.Join(err, a.injector.Close())
	})
	return a.err
}

// Record is the life of the fault so far.
func (a *Active) Record() results.Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.record
}

func (a *Active) note(change func(*results.Fault)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.record)
}

// fits says why f cannot act on p.
func (f Fault) fits(p *Place) error {
	if p.Store == nil || !slices.Contains(f.Stores, p.Store.Kind()) {
		return testbed.Unsupported(fmt.Sprintf("it acts on %s", list(f.Stores)))
	}
	if f.NeedsLink && len(p.Links) == 0 {
		return errors.New("it acts on links, and there is none")
	}
	for _, l := range p.Links {
		if f.NeedsLink && l.Exact() != f.DelayLink {
			return fmt.Errorf("link at %s: delay links delay, and no others do", l.Addr())
		}
	}
	return nil
}

func (p *Place) since() int64 { return time.Since(p.Zero).Nanoseconds() }

func (p *Place) on(f Fault) string {
	switch {
	case p.On != "":
		return p.On
	case f.NeedsLink:
		return "link to " + p.Store.Kind()
	}
	return p.Store.Kind()
}

func list(names []string) string {
	if len(names) == 2 {
		return names[0] + " and " + names[1]
	}
	return names[0]
}

func joinText(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
