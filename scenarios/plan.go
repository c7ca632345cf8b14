package scenarios

import (
	"fmt"

	"authbench/loadgen"
	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// user is one member of the population: what the contract's templates know of
// it, growing as it logs in.
type user struct {
	vars contract.Vars
}

// population is the first n users of the target.
func population(c *contract.Contract, n int) []user {
	users := make([]user, n)
	for i := range users {
		users[i].vars = c.User(i + 1)
	}
	return users
}

// loginPlan renders one log-in for every user.
func loginPlan(c *contract.Contract, nodes []*testbed.Node, users []*user) (loadgen.Plan, error) {
	return compile(c, &c.Login, nodes, users)
}

// usePlan renders one use for every user, with the subject that a good answer
// has to name.
func usePlan(c *contract.Contract, nodes []*testbed.Node, users []user) (loadgen.Plan, error) {
	all := make([]*user, len(users))
	for i := range users {
		all[i] = &users[i]
	}
	return compile(c, &c.Use, nodes, all)
}

func compile(c *contract.Contract, step *contract.Step, nodes []*testbed.Node, users []*user) (loadgen.Plan, error) {
	plan := loadgen.Plan{Outcomes: c.OutcomeMap(step), Requests: make([]loadgen.Request, len(users))}
	if err := c.OneRequest(step); err != nil {
		return plan, err
	}
	for _, n := range nodes {
		plan.Nodes = append(plan.Nodes, n.Addr())
		if n.Secure() {
			plan.TLS = &loadgen.TLS{ServerName: c.TLS.ServerName, RootsPEM: c.RootsPEM()}
		}
	}
	for i, u := range users {
		raw, err := c.Render(step, nodes[0].Host(), u.vars)
		if err != nil {
			return plan, fmt.Errorf("user %s: %w", u.vars["n"], err)
		}
		header := make([]loadgen.HeaderField, len(raw.Headers))
		for j, h := range raw.Headers {
			header[j] = loadgen.HeaderField(h)
		}
		plan.Requests[i], err = loadgen.NewRequest(raw.Method, raw.Path, raw.Host, header, raw.Body, step.ExpectBytes(u.vars))
		if err != nil {
			return plan, fmt.Errorf("user %s: %w", u.vars["n"], err)
		}
	}
	return plan, nil
}

// learn adds to every user what the answer to its log-in holds, and returns the
// users that got none because the target could not answer. A user who was
// refused is an error.
func learn(c *contract.Contract, users []*user, answers []*loadgen.Response) (again []*user, err error) {
	for i, r := range answers {
		u := users[i]
		if r == nil {
			again = append(again, u)
			continue
		}
		header := make([]contract.Header, len(r.Header))
		for j, h := range r.Header {
			header[j] = contract.Header(h)
		}
		switch outcome, listed := c.Outcome(&c.Login, r.Status, header, r.Body); {
		case listed && outcome == results.Unavailable:
			again = append(again, u)
			continue
		case !listed || outcome != results.OK:
			return nil, fmt.Errorf("user %s: status %d", u.vars["username"], r.Status)
		}
		if u.vars, err = c.Learn(&c.Login, u.vars, r.Status, header, r.Body); err != nil {
			return nil, fmt.Errorf("user %s: %w", u.vars["username"], err)
		}
	}
	return again, nil
}
