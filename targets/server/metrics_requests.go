package server

import "github.com/valyala/fasthttp"

// requestFamilies are of requests, whatever they carried.
func (s *Server) requestFamilies() []family {
	c := s.counters
	return []family{
		{
			"http_requests_total", "Requests answered.", counter,
			[]string{"route", "code"},
			func(_ *reading, emit emit) {
				c.each(func(route, code string, n uint64) { emit(float64(n), route, code) })
			},
		},
		{
			"http_connections", "Connections that clients hold open.", gauge, nil,
			func(_ *reading, emit emit) { emit(float64(s.http.GetOpenConnectionsCount())) },
		},
		{
			"connections_refused_total", "Connections beyond max_connections.", counter, nil,
			func(_ *reading, emit emit) { emit(float64(c.turnedAway.Load())) },
		},
		{
			"store_errors_total", "Calls of the store that failed, by how: pool is a wait for a connection that was given up.", counter,
			[]string{"kind"},
			func(_ *reading, emit emit) { c.storeErrs.read(emit) },
		},
	}
}

// credentialFamilies are of log-ins and what they hand out. What a request's route
// and status tell is not counted again.
func (s *Server) credentialFamilies() []family {
	c := s.counters
	return []family{
		{
			"auth_rejections_total", "Credentials rejected.", counter,
			[]string{"reason"},
			func(_ *reading, emit emit) { c.rejections.read(emit) },
		},
		{
			"logins_total", "Log-ins: ok, failed (the user could not), limited (too many wrong passwords), error (the store could not), invalid (no request for one).", counter,
			[]string{"result"},
			func(_ *reading, emit emit) {
				for result, n := range c.logins() {
					emit(float64(n), result)
				}
			},
		},
		{
			"login_limited_total", "Passwords that were not looked at, at log-in, step-up or change: too many wrong ones for one account from one address, or from one address.", counter,
			[]string{"by"},
			func(_ *reading, emit emit) { c.limited.read(emit) },
		},
		{
			"hash_refusals_total", "Passwords that were not looked at because at_once others were for the wait of password_hash.", counter, nil,
			func(_ *reading, emit emit) { emit(float64(c.hashesRefused.Load())) },
		},
		{
			"logins_in_flight", "Log-ins under way: the length of the queue before the password hash and the store.", gauge, nil,
			func(_ *reading, emit emit) { emit(float64(c.loggingIn.Load())) },
		},
		{
			"revocations_total", "Log-outs acknowledged, by what asked for them; reuse is a family of refresh tokens that was ended.", counter,
			[]string{"kind"},
			func(_ *reading, emit emit) {
				for _, r := range []route{routeLogout, routeLogoutAll, routePassword, routeStepUp} {
					emit(float64(c.answered(r, 200, 299)), r.String()[1:])
				}
				emit(float64(c.refreshes["reused"].Load()), "reuse")
			},
		},
		{
			"refreshes_total", "Refresh tokens presented: ok, again (replayed within the grace), reused (replayed beyond it), rejected, error.", counter,
			[]string{"result"},
			func(_ *reading, emit emit) {
				if s.tokens != nil {
					c.refreshes.read(emit)
				}
			},
		},
		{
			"sessions_vanished_total", "Sessions that this node had accepted and whose record was gone before its time without a log-out here: evicted, lost, or ended on another node.", counter, nil,
			func(_ *reading, emit emit) {
				if s.sightings != nil {
					emit(float64(s.sightings.vanished.Load()))
				}
			},
		},
		{
			"session_touches_total", "Writes of the last use of a session.", counter, nil,
			func(_ *reading, emit emit) {
				if s.manager != nil {
					emit(float64(s.manager.Touches()))
				}
			},
		},
		{
			"sessions_swept_total", "Expired sessions removed by the sweep.", counter, nil,
			func(_ *reading, emit emit) { emit(float64(c.sweptTotal.Load())) },
		},
	}
}

// refreshResult is a word of refreshes_total.
func refreshResult(g grant, err error) string {
	rej := rejected(err)
	switch {
	case rej != nil && rej.reason == "reused":
		return "reused"
	case rej != nil:
		return "rejected"
	case err != nil:
		return "error"
	case g.again:
		return "again"
	}
	return "ok"
}

// logins is how log-ins ended, by the words of logins_total.
func (c *counters) logins() map[string]uint64 {
	out := map[string]uint64{
		"ok":      c.answered(routeLogin, 200, 299),
		"failed":  c.answered(routeLogin, fasthttp.StatusUnauthorized, fasthttp.StatusUnauthorized),
		"limited": c.answered(routeLogin, fasthttp.StatusTooManyRequests, fasthttp.StatusTooManyRequests),
		"error":   c.answered(routeLogin, 500, 599),
	}
	out["invalid"] = c.answered(routeLogin, 400, 499) - out["failed"] - out["limited"]
	return out
}
