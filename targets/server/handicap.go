package server

import (
	"time"

	"github.com/valyala/fasthttp"
)

// handicapped spins for d before every use: a slowdown of a size that is known, for a
// harness that has to show that it finds one. It spins and does not sleep, as a sleep
// of 50 us takes a millisecond. It spins before and not after, as a spin costs no more
// than its length only on a core that nothing else wants: behind a store's answer, the
// store and the runtime's own threads still do, and 50 us were measured to cost 76 us
// of CPU and 85 us of response time there, 49 and 49 in front.
func handicapped(d time.Duration, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == routeMe.String() {
			for begin := time.Now(); time.Since(begin) < d; {
			}
		}
		next(ctx)
	}
}
