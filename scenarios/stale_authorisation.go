package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"authbench/results"
	"authbench/scenarios/checker"
	"authbench/targets/contract"
)

// StaleAuthorisation takes a role away from users who are logged in, and asks with their
// credentials for what needs it until that is refused: with roles that the credential
// was handed out with, with roles that are looked up at every use, and with users who
// are logged out everywhere as their role goes. A credential that replaces the old one,
// by a refresh, a log-in or a step-up, must not have the role.
func StaleAuthorisation() Scenario {
	return Scenario{
		Name:    "stale-authorisation",
		Summary: "a role is taken away: how long is it still granted, from the credential, looked up, and to who is logged out for it",
		Params: []Param{
			{Key: "nodes", Default: "2", Meaning: "nodes behind one population, for roles in credentials and as many for roles that are looked up"},
			{Key: "users", Default: "24", Meaning: "users that lose the role, in each of the ways"},
			{Key: "life", Default: "2s", Meaning: "life of a token or a session, in whole seconds: its end can be watched"},
		},
		Applies: func(c *contract.Contract, _ Values) string {
			switch {
			case c.Mechanism == "none":
				return "it has no credential"
			case c.Restricted == nil:
				return "its contract has no restricted step, which needs a role"
			case c.Start == nil || !c.Start.Admin:
				return "its contract has no admin plane (start.admin) that takes roles away"
			}
			return ""
		},
		Settings: shortLived,
		Run:      runStaleAuthorisation,
	}
}

// shortLived are the settings by which a credential ends while the scenario watches.
func shortLived(c *contract.Contract, v Values) map[string]string {
	life := v.duration("life")
	set := map[string]string{}
	for key, d := range map[string]time.Duration{"lifetime": life, "absolute_timeout": life, "idle_timeout": life, "touch_every": life / 2} {
		if _, ok := c.Settings[key]; ok {
			set[key] = d.String()
		}
	}
	return set
}

// rolesSetting chooses where the roles of a use come from.
const rolesSetting = "roles_from"

// way is one way in which a change of roles reaches uses.
type way struct {
	label string // of its row
	from  string // value of the setting; "": as the arm has it
	out   bool   // users are logged out everywhere as their role goes
}

// waysOf lists what an arm can be tried with.
func waysOf(c *contract.Contract) []way {
	var ways []way
	if _, ok := c.Settings[rolesSetting]; ok {
		ways = append(ways, way{"in the credential", "credential", false}, way{"looked up", "directory", false})
	} else {
		ways = append(ways, way{"as it is", "", false})
	}
	if c.RevokeAll != nil {
		ways = append(ways, way{ways[0].label + ", and logged out", ways[0].from, true})
	}
	return ways
}

func runStaleAuthorisation(ctx context.Context, t *Trial) error {
	ways := waysOf(t.Arm.Contract)
	per := max(1, t.Values.number("nodes"))
	if keepsApart(t.Arm.Contract) {
		per = 1
	}
	var different []string // values of the setting
	for _, w := range ways {
		if len(different) == 0 || w.from != different[0] && !w.out {
			different = append(different, w.from)
		}
	}
	versions := map[string]*contract.Contract{}
	for _, from := range different {
		if from == "" {
			versions[from] = t.Arm.Contract
			continue
		}
		c, err := t.variant(map[string]string{rolesSetting: from})
		if err != nil {
			return err
		}
		versions[from] = c
	}
	r, err := t.setUp(ctx, setup{nodes: per * len(different), apart: true, admin: true, node: func(i int, n *nodeSpec) error {
		n.contract = versions[different[i/per]]
		return nil
	}})
	if err != nil {
		return err
	}
	s := &stale{rig: r}
	for i, w := range ways {
		g := &roleGroup{way: w, promises: versions[w.from].Promises, first: 1 + i*t.Values.number("users")}
		for n := range r.nodes {
			if different[n/per] == w.from {
				g.nodes = append(g.nodes, n)
			}
		}
		s.groups = append(s.groups, g)
	}
	return errors.Join(s.run(ctx), r.close())
}

// stale is the scenario at work.
type stale struct {
	*rig
	groups []*roleGroup
	plain  survivors // users without the role, and those of them that were forbidden

	mu      sync.Mutex
	misled  int64     // live credentials without the role that were answered as no good
	renewed survivors // credentials handed out after the change, and those that had the role
	kinds   map[string]bool
}

// roleGroup is who loses the role in one way.
type roleGroup struct {
	way
	promises contract.Promises
	nodes    []int
	first    int // number of the first user
	holders  []*holder
}

// holder is one user who loses the role.
type holder struct {
	user
	issued        time.Time // the log-in was sent
	handed        time.Time // its answer was read
	sent, changed time.Time // the change was sent, and acknowledged by every node
	until         time.Time // the role must not be granted to a use that begins later
	bounded       bool

	asked   int64         // uses that began after the change
	granted int64         // of those, and let in
	late    int64         // begun later than until, and answered yes or no
	beyond  int64         // of those, and let in
	last    time.Duration // the last that was let in began, from the acknowledged change
	refused time.Duration // the first refusal was read, from the change being sent, on the node where that took longest
	open    bool          // some node never refused
}

func (s *stale) run(ctx context.Context) error {
	s.kinds = map[string]bool{}
	var wg sync.WaitGroup
	errs := make([]error, len(s.groups)+1)
	for i, g := range s.groups {
		wg.Go(func() { errs[i] = s.lose(ctx, g) })
	}
	wg.Go(func() { errs[len(s.groups)] = s.neverHad(ctx) })
	wg.Wait()
	if err := errors.Join(append(errs, context.Cause(ctx), s.nodesAlive())...); err != nil {
		return err
	}
	s.report()
	return nil
}

// restricted asks for what needs the role.
func (s *stale) restricted(ctx context.Context, node int, u user) (*contract.Answer, error) {
	return s.client(node).Do(ctx, s.c.Restricted, u.vars)
}

// setRoles changes a user's roles on the given nodes: each has a directory of its own.
func (s *stale) setRoles(ctx context.Context, nodes []int, name string, roles ...string) error {
	for _, n := range nodes {
		if err := s.nodes[n].Admin().Roles(ctx, name, roles...); err != nil {
			return fmt.Errorf("node %d: roles of %s: %w", n, name, err)
		}
	}
	return nil
}

// neverHadUsers are users without the role.
const neverHadUsers = 5

// neverHad asks for users who never had the role: they are to be forbidden.
func (s *stale) neverHad(ctx context.Context) error {
	last := s.groups[len(s.groups)-1]
	for i := range neverHadUsers {
		for _, g := range s.groups {
			u := user{vars: s.c.User(last.first + s.t.Values.number("users") + i)}
			if err := s.setRoles(ctx, g.nodes, u.vars["username"], "user"); err != nil {
				return err
			}
			if err := s.mustLogIn(ctx, g.nodes[0], &u); err != nil {
				return err
			}
			for _, n := range g.nodes {
				a, err := s.restricted(ctx, n, u)
				if err != nil {
					return err
				}
				s.mu.Lock()
				s.plain.all++
				if a.Outcome == results.Forbidden {
					s.plain.accepted++
				}
				s.mu.Unlock()
			}
		}
	}
	return nil
}

// lose gives the role to every user of a group, logs them in, takes it away and
// follows them to the end.
func (s *stale) lose(ctx context.Context, g *roleGroup) error {
	n := s.t.Values.number("users")
	g.holders = make([]*holder, n)
	errs := make([]error, n)
	slots := make(chan struct{}, loginWorkers)
	var wg sync.WaitGroup
	for i := range g.holders {
		g.holders[i] = &holder{user: user{vars: s.c.User(g.first + i)}}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.give(ctx, g, i)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", g.label, err)
	}
	for i := range g.holders {
		wg.Go(func() { errs[i] = s.take(ctx, g, i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", g.label, err)
	}
	return nil
}

// give has user i log in with the role, and sees that it is granted. Where credentials
// are that short-lived, one may end before it was asked for: then there is another.
func (s *stale) give(ctx context.Context, g *roleGroup, i int) error {
	h := g.holders[i]
	if err := s.setRoles(ctx, g.nodes, h.vars["username"], "user", "admin"); err != nil {
		return err
	}
	var a *contract.Answer
	for range loginPasses {
		h.issued = time.Now()
		if err := s.mustLogIn(ctx, g.nodes[i%len(g.nodes)], &h.user); err != nil {
			return err
		}
		h.handed = time.Now()
		for _, n := range g.nodes {
			var err error
			if a, err = s.restricted(ctx, n, h.user); err != nil {
				return err
			}
			if a.Outcome != results.OK {
				break
			}
		}
		if a.Outcome == results.OK {
			return nil
		}
	}
	return fmt.Errorf("%s has the role admin, and is not let in: %s", h.vars["username"], a.Problem)
}

// take takes the role from user i and follows the credential.
func (s *stale) take(ctx context.Context, g *roleGroup, i int) error {
	h := g.holders[i]
	before := user{vars: maps.Clone(h.vars)}
	h.sent = time.Now()
	if err := s.setRoles(ctx, g.nodes, h.vars["username"], "user"); err != nil {
		return err
	}
	h.changed = time.Now()
	if g.out {
		if err := s.logOutEverywhere(ctx, g, h); err != nil {
			return err
		}
	}
	h.until, h.bounded = g.promises.RolesUntil(h.handed, h.changed)
	if b := s.c.Promises.Bound(); g.out && b.Declared {
		if until := b.Until(h.handed, h.changed); !h.bounded || until.Before(h.until) {
			h.until, h.bounded = until, true
		}
	}
	if !g.out {
		if dead, err := s.renew(ctx, g, i, before); err != nil || dead {
			return err
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, len(g.nodes))
	for k, n := range g.nodes {
		wg.Go(func() { errs[k] = s.follow(ctx, g, h, n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// logOutEverywhere ends all of the user's log-ins, as whoever takes a role away would:
// only the user's own credential can ask for it here. The change counts from then on.
func (s *stale) logOutEverywhere(ctx context.Context, g *roleGroup, h *holder) error {
	for range loginPasses {
		u := user{vars: h.vars}
		a, err := s.do(ctx, checker.RevokeAll, g.nodes[0], &u, false)
		if err != nil {
			return err
		}
		if a.Outcome == results.OK {
			h.changed = a.Done
			return nil
		}
		sleep(ctx, probeEvery)
	}
	return fmt.Errorf("%s cannot be logged out everywhere", h.vars["username"])
}
