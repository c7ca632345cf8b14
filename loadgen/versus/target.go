//go:build linux

package main

import (
	"flag"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// target serves 13 bytes to everybody and counts the requests, for those who do
// not count them honestly themselves. The count is served on a second port. With
// -worse it takes longer and longer: a target that is not stationary.
func target(args []string) error {
	fs := flag.NewFlagSet("target", flag.ContinueOnError)
	step := fs.Duration("step", 0, "from -after on, spend so long on each request")
	after := fs.Duration("after", 0, "since the first request")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var count, first atomic.Int64
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
		_ = fasthttp.Serve(counter, func(c *fasthttp.RequestCtx) { c.SetBodyString(strconv.FormatInt(count.Load(), 10)) })
	}()
	return fasthttp.Serve(ln, func(c *fasthttp.RequestCtx) {
		if count.Add(1) == 1 {
			first.Store(time.Now().UnixNano())
		}
		if *step > 0 {
			now := time.Now()
			if now.UnixNano()-first.Load() >= int64(*after) {
				for time.Since(now) < *step { // work, not sleep: the core is busy
				}
			}
		}
		c.SetBodyString("hello, world!")
	})
}
