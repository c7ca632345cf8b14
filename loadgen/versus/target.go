//go:build linux

package main

import (
	"flag"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// target serves 13 bytes to everybody and counts the requests, for those who do
// not count them honestly themselves. The count is served on a second port. With
// -step and -after it becomes slower: a target that is not stationary. With -pace
// it remembers when it answered the requests after a pause, and /pace?n=K on the
// second port is how many nanoseconds the first K of them took.
func target(args []string) error {
	fs := flag.NewFlagSet("target", flag.ContinueOnError)
	step := fs.Duration("step", 0, "from -after on, spend so long on each request")
	since := fs.Duration("after", 0, "since the first request")
	paced := fs.Bool("pace", false, "remember the requests after a pause")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var count, first atomic.Int64
	after := &resumption{at: make([]int64, 1<<17)}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	counter, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr(), counter.Addr())
	go func() {
		_ = fasthttp.Serve(counter, func(c *fasthttp.RequestCtx) {
			n := count.Load()
			if string(c.Path()) == "/pace" {
				n = after.first(c.QueryArgs().GetUintOrZero("n"))
			}
			c.SetBodyString(strconv.FormatInt(n, 10))
		})
	}()
	return fasthttp.Serve(ln, func(c *fasthttp.RequestCtx) {
		if count.Add(1) == 1 {
			first.Store(time.Now().UnixNano())
		}
		if *paced {
			after.note(time.Now().UnixNano())
		}
		if *step > 0 {
			now := time.Now()
			if now.UnixNano()-first.Load() >= int64(*since) {
				for time.Since(now) < *step { // work, not sleep: the core is busy
				}
			}
		}
		c.SetBodyString("hello, world!")
	})
}

// resumption is when the requests after the last pause came.
type resumption struct {
	mu   sync.Mutex
	last int64
	n    int
	at   []int64
}

// pauseOf is longer than any gap under load.
const pauseOf = 100 * time.Millisecond

func (r *resumption) note(now int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now-r.last > int64(pauseOf) {
		r.n = 0
	}
	r.last = now
	if r.n < len(r.at) {
		r.at[r.n] = now
		r.n++
	}
}

// first is how long the first n took, in nanoseconds; -1 if there were not so many.
func (r *resumption) first(n int) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n < 2 || n > r.n {
		return -1
	}
	return r.at[n-1] - r.at[0]
}
