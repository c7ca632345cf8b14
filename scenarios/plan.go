package scenarios

import (
	"fmt"

	"authbench/loadgen"
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
func loginPlan(c *contract.Contract, nodes []string, users []user) (loadgen.Plan, error) {
	return compile(c, &c.Login, nodes, users)
}

// usePlan renders one use for every user, with the subject that a good answer
// has to name.
func usePlan(c *contract.Contract, nodes []string, users []user) (loadgen.Plan, error) {
	return compile(c, &c.Use, nodes, users)
}

func compile(c *contract.Contract, step *contract.Step, nodes []string, users []user) (loadgen.Plan, error) {
	plan := loadgen.Plan{Nodes: nodes, Outcomes: c.OutcomeMap(step), Requests: make([]loadgen.Request, len(users))}
	for i, u := range users {
		raw, err := c.Render(step, nodes[0], u.vars)
		if err != nil {
			return plan, fmt.Errorf("user %d: %w", i+1, err)
		}
		header := make([]loadgen.HeaderField, len(raw.Headers))
		for j, h := range raw.Headers {
			header[j] = loadgen.HeaderField(h)
		}
		plan.Requests[i], err = loadgen.NewRequest(raw.Method, raw.Path, raw.Host, header, raw.Body, step.ExpectBytes(u.vars))
		if err != nil {
			return plan, fmt.Errorf("user %d: %w", i+1, err)
		}
	}
	return plan, nil
}

// learn adds to every user what the answer to its log-in holds.
func learn(c *contract.Contract, users []user, answers []*loadgen.Response) error {
	for i, r := range answers {
		header := make([]contract.Header, len(r.Header))
		for j, h := range r.Header {
			header[j] = contract.Header(h)
		}
		got, err := c.Login.ExtractFrom(r.Status, header, r.Body)
		if err != nil {
			return fmt.Errorf("log in user %d: %w", i+1, err)
		}
		for name, value := range got {
			users[i].vars[name] = value
		}
	}
	return nil
}
