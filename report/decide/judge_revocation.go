package decide

import (
	"fmt"
	"strconv"

	"authbench/report/number"
)

// tryRevocation is the command that shows how an arm revokes.
func (c *candidate) tryRevocation(set string) string {
	cmd := "authbench run revocation " + c.named()
	if set != "" {
		cmd += " --set " + set
	}
	return cmd
}

func judgeWindow(c *candidate, r *Requirements) Check {
	bound, expires, declared := c.bound()
	tried := c.revocations("logout", "everywhere")
	switch {
	case !declared:
		return notShown(c.tryRevocation(""), "it %s", c.boundWords())
	case !r.Window.Holds(bound):
		by := Declared
		var cites []Cite
		for _, p := range tried {
			last := p.Chaos.Revocation.LastAccept.Max
			if last != nil && *last > r.Window.D.Nanoseconds() {
				by = Measured
			}
			cites = append(cites, leaked(p, expires))
		}
		return excluded(by, "it %s", c.boundWords()).citing(cites...)
	}
	var cites []Cite
	for _, p := range tried {
		if p.passed("bound-violations") {
			cites = append(cites, leaked(p, expires))
		}
	}
	if len(cites) == 0 {
		return notShown(c.tryRevocation(""), "it %s, which no trial of these runs shows", c.boundWords())
	}
	return meets(Measured, "it %s, and kept to it", c.boundWords()).citing(cites...)
}

// leaked is what a trial shows of revoked credentials.
func leaked(p proof, expires bool) Cite {
	r := p.Chaos.Revocation
	text := fmt.Sprintf("%s on %s, %s of %s uses afterwards let through, %s beyond the bound",
		number.Count(int(r.Revocations), "log-out"), number.Count(p.Chaos.Nodes, "node"), number.Integer(r.LetThrough), number.Integer(r.Uses), number.Integer(r.BeyondBound))
	if last := r.LastAccept.Max; last != nil && r.LetThrough > 0 {
		text += ", the last accepted " + number.Lasted(*last) + " after the acknowledgement"
	}
	if life := p.Chaos.Settings["lifetime"]; expires && life != "" {
		text += fmt.Sprintf(" (tokens of %s)", life)
	}
	return p.cite("%s", text)
}

// endsNothing is about arms whose server does nothing at a log-out.
func (c *candidate) endsNothing() bool {
	_, expires, declared := c.bound()
	return declared && expires && c.arm.Settings["revocation"] == "none"
}

func judgeLogOutAll(c *candidate, _ *Requirements) Check {
	if c.endsNothing() {
		return excluded(Declared, "a log-out does nothing on the server: it %s", c.boundWords())
	}
	tried := c.revocations("everywhere")
	if c.arm.Promises["revoke_scope"] == "user" { // each log-out is one everywhere
		for _, p := range c.revocations("logout") {
			if n, _ := strconv.Atoi(p.Chaos.Settings["devices"]); n > 1 {
				tried = append(tried, p)
			}
		}
	}
	var cites []Cite
	for _, p := range tried {
		if p.passed("bound-violations") {
			devices, _ := strconv.Atoi(p.Chaos.Settings["devices"])
			cites = append(cites, p.cite("%s with %s each, %s of %s uses afterwards beyond the bound",
				number.Count(int(p.Chaos.Revocation.Revocations), "log-out"), number.Count(devices, "device"),
				number.Integer(p.Chaos.Revocation.BeyondBound), number.Integer(p.Chaos.Revocation.Uses)))
		}
	}
	if len(cites) == 0 {
		return notShown(c.tryRevocation("how=everywhere --set devices=3"), "a log-out everywhere was not tried with it")
	}
	return meets(Measured, "a log-out everywhere ended all of a user's credentials").citing(cites...)
}

func judgeEndOne(c *candidate, _ *Requirements) Check {
	switch {
	case c.endsNothing():
		return excluded(Declared, "a log-out does nothing on the server: it %s", c.boundWords())
	case c.arm.Promises["revoke_scope"] == "user":
		return excluded(Declared, "it knows users and not log-ins: logging out anywhere logs the user out everywhere")
	}
	var cites []Cite
	for _, p := range c.revocations("logout") {
		devices, _ := strconv.Atoi(p.Chaos.Settings["devices"])
		if devices > 1 && p.passed("bound-violations") && p.passed("false-rejects") {
			cites = append(cites, p.cite("%s on one of %d devices, and no use of another was refused", number.Count(int(p.Chaos.Revocation.Revocations), "log-out"), devices))
		}
	}
	if len(cites) == 0 {
		return notShown(c.tryRevocation("devices=2"), "logging out one of several devices was not tried with it")
	}
	return meets(Measured, "one device was logged out and the others went on").citing(cites...)
}

func judgeList(c *candidate, _ *Requirements) Check {
	const listed = "; showing the list itself is not part of the arm and was not measured"
	switch {
	case c.arm.Mechanism == "session" || c.arm.Mechanism == "hybrid":
		return meets(Declared, "it keeps a record of every session%s", listed)
	case c.arm.Settings["revocation"] == "families":
		return meets(Declared, "it keeps a record of every family of refresh tokens%s", listed)
	case c.arm.Settings["revocation"] != "":
		return excluded(Declared, "it keeps no record of who is logged in, only of what was revoked")
	}
	return notShown("", "its declaration does not say whether it keeps a record of log-ins")
}
