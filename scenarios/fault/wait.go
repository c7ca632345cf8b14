package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// hopeless is an error that asking again will not change.
type hopeless struct{ error }

func (h hopeless) Unwrap() error { return h.error }

// within bounds do.
func within(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return do(ctx)
}

// until asks ok again until it is nil, and gives up when ctx ends or it is
// hopeless.
func until(ctx context.Context, ok func(context.Context) error) error {
	const distance = 20 * time.Millisecond
	var last error
	for {
		err := ok(ctx)
		if err == nil || errors.As(err, new(hopeless)) || errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		if last == nil || ctx.Err() == nil { // what was cut short has nothing to say
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		case <-time.After(distance):
		}
	}
}
