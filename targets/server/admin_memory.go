package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// What is measured of populations: how many may be logged in at once, by how many
// goroutines, and of how many the credentials may be asked for.
const (
	bulkMost    = 20_000
	bulkWorkers = 16
	bulkTries   = 5 // of one log-in: the store may be slower than its client waits
	bulkSample  = 1000
)

// bulkLogins logs users in without a request each: a population of a million would
// take minutes over the wire. Everything behind the route is what a log-in does,
// the password apart.
//
//	POST /sessions/bulk {"from":1,"count":5000,"sample":50}
//	{"created":5000,"repeated":0,"sample":[{"user":"user-1","set_cookie":"...","body":{...}}, ...]}
//
// A log-in of which the store did not say in time whether it was made is repeated, and
// may have left a record that nobody has. Users beyond the directory are logged in as well. The sample is spread evenly; its
// answers are those of POST /login.
func (s *Server) bulkLogins(w http.ResponseWriter, r *http.Request) {
	var body struct{ From, Count, Sample int }
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		adminProblem(w, http.StatusBadRequest, fmt.Sprintf("not a number of log-ins: %v", err))
		return
	}
	if body.From < 1 || body.Count < 1 || body.Count > bulkMost || body.Sample < 0 || body.Sample > min(bulkSample, body.Count) {
		adminProblem(w, http.StatusBadRequest, fmt.Sprintf("from at least 1, 1 to %d log-ins, a sample of at most %d of them", bulkMost, bulkSample))
		return
	}
	grants, repeated, err := s.logInAll(body.From, body.Count)
	if err != nil {
		adminProblem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	type answer struct {
		User      string          `json:"user"`
		SetCookie string          `json:"set_cookie,omitempty"`
		Body      json.RawMessage `json:"body,omitempty"`
	}
	out := struct {
		Created  int      `json:"created"`
		Repeated int64    `json:"repeated"`
		Sample   []answer `json:"sample"`
	}{Created: len(grants), Repeated: repeated, Sample: []answer{}}
	for i := range body.Sample {
		k := i * body.Count / body.Sample
		out.Sample = append(out.Sample, answer{username(body.From + k), grants[k].cookie, grants[k].body})
	}
	adminAnswer(w, out)
}

func (s *Server) logInAll(from, count int) (grants []grant, repeated int64, err error) {
	grants = make([]grant, count)
	var (
		again atomic.Int64
		wg    sync.WaitGroup
		mu    sync.Mutex
		errs  []error
	)
	for worker := range bulkWorkers {
		wg.Go(func() {
			for i := worker; i < count; i += bulkWorkers {
				var header fasthttp.RequestHeader // of a client that holds nothing yet
				name := username(from + i)
				g, err := s.mechanism.login(&header, name, s.users.roles(name))
				for try := 1; err != nil && try < bulkTries; try++ {
					again.Add(1)
					g, err = s.mechanism.login(&header, name, s.users.roles(name))
				}
				if err != nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("log in %s: %w", name, err))
					mu.Unlock()
					return
				}
				grants[i] = g
			}
		})
	}
	wg.Wait()
	return grants, again.Load(), errors.Join(errs...)
}

// memory tells how much the node holds once it has collected its garbage and given
// free memory back.
//
//	GET /memory  {"heap":123456,"stacks":65536,"from_os":20000000}
//
// Bytes: live objects, stacks, and all that the runtime has of the system.
func (s *Server) memory(w http.ResponseWriter, _ *http.Request) {
	runtime.GC() // pools let go of what they hold at the second
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	adminAnswer(w, struct {
		Heap   uint64 `json:"heap"`
		Stacks uint64 `json:"stacks"`
		FromOS uint64 `json:"from_os"`
	}{m.HeapAlloc, m.StackInuse, m.Sys - m.HeapReleased})
}
