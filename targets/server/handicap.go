package server

import (
	"time"

	"github.com/valyala/fasthttp"
)

// handicapped spins for d on every use that it answers 200: a slowdown of a size
// that is known, for a harness that has to show that it finds one. It spins and does
// not sleep, as a sleep of 50 us takes a millisecond. What is refused takes as long as
// ever.
func handicapped(d time.Duration, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		next(ctx)
		if string(ctx.Path()) != routeMe.String() || ctx.Response.StatusCode() != fasthttp.StatusOK {
			return
		}
		for begin := time.Now(); time.Since(begin) < d; {
		}
	}
}
