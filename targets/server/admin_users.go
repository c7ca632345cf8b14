package server

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// getUser and setUser are the user directory of the admin plane. It is this
// node's own, like passwords: a harness tells every node. Credentials that are
// out keep their roles, unless roles_from=directory; new ones get those of now.
func (s *Server) getUser(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if s.users.find(name) == nil {
		adminProblem(w, http.StatusNotFound, fmt.Sprintf("there is no user %.40q", name))
		return
	}
	adminAnswer(w, struct {
		Name     string   `json:"name"`
		Disabled bool     `json:"disabled"`
		Roles    []string `json:"roles"`
	}{name, s.users.disabled(name), s.users.roles(name)})
}

// Limits of roles, those of a session record.
const (
	maxRoles = 16
	maxRole  = 63
)

func (s *Server) setUser(w http.ResponseWriter, r *http.Request) {
	u := s.users.find(r.PathValue("name"))
	if u == nil {
		s.getUser(w, r)
		return
	}
	var body struct {
		Disabled *bool
		Roles    []string
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		adminProblem(w, http.StatusBadRequest, fmt.Sprintf("not a change of a user: %v", err))
		return
	}
	if err := checkRoles(body.Roles); err != nil {
		adminProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	u.update(body.Disabled, body.Roles)
	// Who is taken away is not only kept out: what the mechanism can end of what they hold
	// ends (ASVS 5.0 7.4.2). The account comes first, so that no log-in slips in between.
	if body.Disabled != nil && *body.Disabled {
		if _, err := s.mechanism.logoutAll(caller{subject: r.PathValue("name")}); err != nil {
			adminProblem(w, http.StatusServiceUnavailable, fmt.Sprintf("the account is disabled, and what it holds was not logged out: %v", err))
			return
		}
	}
	s.getUser(w, r)
}

func checkRoles(roles []string) error {
	if len(roles) > maxRoles {
		return fmt.Errorf("%d roles, at most %d", len(roles), maxRoles)
	}
	for _, role := range roles {
		if role == "" || len(role) > maxRole {
			return fmt.Errorf("role %.70q: want 1 to %d characters", role, maxRole)
		}
		for i := range len(role) {
			if role[i] <= ' ' || role[i] > '~' {
				return fmt.Errorf("role %q: want visible ASCII characters", role)
			}
		}
	}
	return nil
}

// update changes what is given; nil leaves as it is. An empty list takes all
// roles away.
func (u *user) update(disabled *bool, roles []string) {
	for {
		was := u.status.Load()
		var now status
		if was != nil {
			now = *was
		}
		if disabled != nil {
			now.disabled = *disabled
		}
		if roles != nil {
			now.roles = roles
		}
		if u.status.CompareAndSwap(was, &now) {
			return
		}
	}
}
