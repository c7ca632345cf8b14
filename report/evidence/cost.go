package evidence

import "authbench/results"

// Parts are what the cost of one arm is made of, beside control: the same handler,
// the same bytes, no authentication. CPU in nanoseconds a request, memory in
// bytes.
type Parts struct {
	Arm       *Arm
	Sign      Paired // CPU of the target at a log-in: signing a token, or making a session
	Write     Value  // CPU of the stores at a log-in
	Verify    Paired // CPU of the target at a use, saturated
	LookUp    Value  // CPU of the stores at a use, saturated
	Ops       Value  // store operations a use, as the stores counted them
	LoginSent Value  // bytes of the answer to a log-in
	Memory    Paired // resident memory of the target under steady load
	Session   Paired // of that, by user that is logged in; only where the target keeps sessions itself
}

// Parts has an entry an arm but control, in their order; none without a control.
func (b *Board) Parts() []Parts {
	if b.Control == nil {
		return nil
	}
	var out []Parts
	for _, a := range b.Arms {
		if a != b.Control {
			out = append(out, b.parts(a))
		}
	}
	return out
}

func (b *Board) parts(a *Arm) Parts {
	login := func(t *results.Trial) *results.Measurement { return t.Login }
	sat := func(t *results.Trial) *results.Measurement { return t.Saturate }
	p := Parts{Arm: a, LookUp: a.SatStore, Write: a.LoginStore, Ops: a.StoreOps}
	p.Sign = pairUp(a, b.Control, func(a *Arm) []*results.Trial { return a.Login },
		func(_ *Arm, t *results.Trial) (float64, bool) { return CPU(login, Target)(t) })
	p.Verify = pairUp(a, b.Control, func(a *Arm) []*results.Trial { return a.Sat },
		func(_ *Arm, t *results.Trial) (float64, bool) { return CPU(sat, Target)(t) })
	p.LoginSent = Over(a.Login, Field(login, func(m *results.Measurement) (float64, bool) { return m.ResponseBytes, m.ResponseBytes > 0 }))
	p.Memory = pairUp(a, b.Control, func(a *Arm) []*results.Trial { return a.Steady }, residentMemory)
	if len(a.Needs) == 0 {
		p.Write, p.LookUp = Missing(NoStore), Missing(NoStore)
	}
	p.Session = b.session(a, p.Memory)
	return p
}

func residentMemory(_ *Arm, t *results.Trial) (float64, bool) {
	u := t.Usage.Target
	return float64(u.RSSBytes), u.Known && u.RSSBytes > 0
}

// session divides what a target has more than control by its users. It is a bound
// from above: code and buffers of the mechanism are in it, and what the garbage
// collector leaves lying.
func (b *Board) session(a *Arm, memory Paired) Paired {
	users := b.Run.Workload.Users
	switch {
	case a.Mechanism == "session" && len(a.Needs) > 0:
		return Paired{Missing: "kept in the store, which runs on from trial to trial: its memory is not any one arm’s"}
	case a.Mechanism != "session":
		return Paired{Missing: "the target keeps no record of a log-in"}
	case users == 0 || memory.Missing != "":
		return Paired{Missing: OrNone(memory.Missing)}
	}
	return memory.scale(float64(users))
}

// OrNone is the reason, or that there is none.
func OrNone(why string) string {
	if why == "" {
		return "not measured"
	}
	return why
}
