package link

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// set ends the present setting and begins s.
func (p *proxy) set(s Setting) (err error) {
	if err := p.clear(); err != nil {
		return err
	}
	p.undo, err = p.apply(s)
	if err != nil {
		return errors.Join(err, p.clear())
	}
	return nil
}

// apply returns what undoes it, also with an error.
func (p *proxy) apply(s Setting) (undo func() error, err error) {
	switch s.Kind {
	case None:
		return nil, nil
	case Latency:
		if s.Delay < time.Millisecond || s.Delay%time.Millisecond != 0 {
			return nil, fmt.Errorf("latency %v: it counts in milliseconds", s.Delay)
		}
		return p.toxic("latency", Down, fmt.Sprintf(`{"latency":%d}`, s.Delay.Milliseconds()))
	case Bandwidth:
		if s.Rate < 1000 || s.Rate%1000 != 0 {
			return nil, fmt.Errorf("bandwidth %d B/s: it counts in 1,000 bytes a second", s.Rate)
		}
		return p.toxic("bandwidth", Both, fmt.Sprintf(`{"rate":%d}`, s.Rate/1000))
	case Blackhole:
		return p.toxic("timeout", s.Direction, `{"timeout":0}`)
	case Truncate:
		if s.Bytes < 1 {
			return nil, fmt.Errorf("truncate after %d bytes: it takes at least 1", s.Bytes)
		}
		return p.toxic("limit_data", Down, fmt.Sprintf(`{"bytes":%d}`, s.Bytes))
	case Refuse:
		p.shut()
		return p.open, nil
	case Reset:
		p.setReset(true)
		p.resetAll()
		return func() error { p.setReset(false); return nil }, nil
	case Hang:
		return p.hang()
	case Flap:
		if s.Up <= 0 || s.Down <= 0 {
			return nil, fmt.Errorf("flap with %v up and %v down: both have to be more than 0", s.Up, s.Down)
		}
		return p.flap(s.Up, s.Down), nil
	case Delay:
		return nil, errors.New("this link counts in milliseconds: an exact delay wants a delay link")
	}
	return nil, fmt.Errorf("a link cannot %q", s.Kind)
}

func (p *proxy) setReset(on bool) {
	p.mu.Lock()
	p.reset = on
	p.mu.Unlock()
}

// flap refuses and opens in turn until it is undone.
func (p *proxy) flap(up, down time.Duration) (undo func() error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	p.shut()
	go func() {
		for {
			pause(ctx, down)
			if err := p.open(); err != nil || ctx.Err() != nil {
				ended <- err
				return
			}
			pause(ctx, up)
			if ctx.Err() != nil {
				ended <- nil
				return
			}
			p.shut()
		}
	}()
	return func() error {
		stop()
		return <-ended
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
