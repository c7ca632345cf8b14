package scenarios

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"authbench/results"
	"authbench/targets/contract"
)

// readable asks what whoever holds a credential can do without any key: read in it, and
// alter it. It knows no format: credentials are decoded as base64url, whole and part by
// part, and looked through for what is known of their user.
func (t *Trial) readable(ctx context.Context) error {
	r, err := t.setUp(ctx, setup{nodes: 1, users: 2, devices: 2})
	if err != nil {
		return err
	}
	err = r.readable(ctx)
	return errors.Join(err, r.close())
}

func (r *rig) readable(ctx context.Context) error {
	n := len(r.users) / 2
	one, again := r.users[n-1], r.users[2*n-1] // two log-ins of the last user
	a, err := r.client(0).Do(ctx, &r.c.Use, one.vars)
	if err != nil {
		return err
	}
	if a.Outcome != results.OK {
		return fmt.Errorf("use: %s", a.Problem)
	}
	found := readIn(one.vars["credential"], one.vars["subject"])
	run := longestShared(decoded(one.vars["credential"]), decoded(again.vars["credential"]))
	altered, accepted, odd, err := r.alter(ctx, one.vars)
	if err != nil {
		return err
	}
	r.readTable(one, found, run, altered, accepted)
	r.readVerdicts(altered, accepted, odd)
	return r.nodesAlive()
}

// read is what was found in a credential without a key.
type read struct {
	subject bool
	fields  []string // names of what it says, where it is JSON
}

// readIn looks through the decoded parts of a credential.
func readIn(credential, subject string) read {
	var out read
	for _, part := range append(decodedParts(credential), decoded(credential), []byte(credential)) {
		out.subject = out.subject || bytes.Contains(part, []byte(subject))
		var says map[string]any
		if json.Unmarshal(part, &says) != nil {
			continue
		}
		out.fields = append(out.fields, slices.Sorted(maps.Keys(says))...)
	}
	return out
}

// decoded is a credential as bytes: its base64url parts one after the other, or else its
// text.
func decoded(credential string) []byte {
	parts := decodedParts(credential)
	if len(parts) == 0 {
		return []byte(credential)
	}
	return bytes.Join(parts, nil)
}

func decodedParts(credential string) [][]byte {
	var parts [][]byte
	for part := range strings.SplitSeq(credential, ".") {
		if b, err := base64.RawURLEncoding.DecodeString(part); err == nil && len(b) > 0 {
			parts = append(parts, b)
		}
	}
	return parts
}

// longestShared is the length of the longest run of bytes that both have. By chance two
// credentials of a hundred random bytes share one or two in a row.
func longestShared(a, b []byte) int {
	longest := 0
	before := make([]int, len(b)+1) // lengths of the common runs that end at a[i-1] and b[j-1]
	for i := range a {
		now := make([]int, len(b)+1)
		for j := range b {
			if a[i] == b[j] {
				now[j+1] = before[j] + 1
				longest = max(longest, now[j+1])
			}
		}
		before = now
	}
	return longest
}

// alter uses the credential with one character exchanged, for every character in turn.
// odd is how many answers were neither an acceptance nor a rejection.
func (r *rig) alter(ctx context.Context, vars contract.Vars) (altered, accepted, odd int, err error) {
	good := vars["credential"]
	for i := range len(good) {
		if ctx.Err() != nil {
			return 0, 0, 0, context.Cause(ctx)
		}
		bad := good[:i] + string(other(good[i])) + good[i+1:]
		a, err := r.client(0).Do(ctx, &r.c.Use, vars.With(contract.Vars{"credential": bad}))
		if err != nil {
			return 0, 0, 0, err
		}
		altered++
		switch {
		case a.Status/100 == 2:
			accepted++
		case a.Outcome != results.Rejected:
			odd++
		}
	}
	return altered, accepted, odd, nil
}

// other is another character that may stand in its place.
func other(c byte) byte {
	if c == 'A' {
		return 'B'
	}
	return 'A'
}

func (r *rig) readTable(u user, found read, run, altered, accepted int) {
	table := newTable("readable", "What can a holder read in a credential without a key, and alter unnoticed?",
		results.Column{Name: "credential"},
		results.Column{Name: "size", Unit: "bytes", Meaning: "decoded"},
		results.Column{Name: "subject read", Meaning: "1: the user’s name is there to be read"},
		results.Column{Name: "fields read", Meaning: "named values that are there to be read"},
		results.Column{Name: "longest common run", Unit: "bytes", Meaning: "in two credentials of one user, decoded: what is random shares nothing"},
		results.Column{Name: "altered", Meaning: "credentials sent with one character exchanged, each in another place"},
		results.Column{Name: "accepted", Meaning: "of these"})
	subject := 0
	if found.subject {
		subject = 1
	}
	fields := counted(len(found.fields))
	fields.Text = strings.Join(found.fields, " ")
	addRow(table, r.c.Mechanism, counted(len(decoded(u.vars["credential"]))), counted(subject), fields, counted(run), counted(altered), counted(accepted))
	r.t.keep(table)
	what := "nothing that is known of the user can be read in it"
	if found.subject {
		what = "the user’s name can be read in it by anybody who holds it"
	}
	if len(found.fields) > 0 {
		what += fmt.Sprintf(", with %d named values (%s)", len(found.fields), strings.Join(found.fields, ", "))
	}
	r.tell("readable.subject", "", float64(subject), "Decoded without a key, %s; two credentials of one user have %d bytes in a row in common.", what, run)
}

// readVerdicts: whatever a holder can read, nothing altered may be accepted. Where the
// session is sealed, nothing may be read either.
func (r *rig) readVerdicts(altered, accepted, odd int) {
	v := results.Verdict{Check: "altered-credentials", Status: results.Pass, Measured: number(float64(accepted)), Bound: number(0), Unit: "altered credentials accepted"}
	switch {
	case altered == 0:
		v.Status, v.Measured, v.Reason = results.Unknown, nil, "none was sent"
	case accepted > 0:
		v.Status, v.Reason = results.Fail, fmt.Sprintf("%d of %d credentials with one character exchanged were accepted", accepted, altered)
	case odd > 0:
		v.Status, v.Reason = results.Unknown, fmt.Sprintf("%d of %d were answered neither way", odd, altered)
	}
	r.t.judge(v)
	sealed := results.Verdict{Check: "sealed", Unit: "named values and names read without a key", Bound: number(0)}
	table := r.t.chaos().Tables[len(r.t.chaos().Tables)-1]
	seen := *table.Rows[0].Cells[1].Value + *table.Rows[0].Cells[2].Value
	switch {
	case r.c.Mechanism == "token" || r.c.Mechanism == "hybrid":
		sealed.Status, sealed.Bound, sealed.Reason = results.NotApplicable, nil, "it does not promise secrecy: a signature hides nothing"
	case seen > 0:
		sealed.Status, sealed.Measured, sealed.Reason = results.Fail, number(seen), "what was to be hidden can be read"
	default:
		sealed.Status, sealed.Measured = results.Pass, number(0)
	}
	r.t.judge(sealed)
}
