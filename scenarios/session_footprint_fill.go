package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"authbench/targets/contract"
)

// Sizes of one request for log-ins: a chunk takes a second where signing is slow, and
// its answer fits what is read of one.
const (
	bulkChunk  = 500
	bulkSample = 100
)

// sampled is how many users of a level are used.
const sampled = 1000

// fill logs users in until there are so many, and draws the sample anew: as many of
// those that were there before as is their share.
func (p *populated) fill(ctx context.Context, level int) error {
	keep := len(p.sample) * p.users / level
	var sample []user
	for i := range keep {
		sample = append(sample, p.sample[i*len(p.sample)/keep])
	}
	more := level - p.users
	for p.users < level {
		n := min(bulkChunk, level-p.users)
		got, repeated, err := p.r.bulk(ctx, p.users+1, n, min(bulkSample, n, (sampled*n+more-1)/more))
		if err != nil {
			return err
		}
		p.repeated += repeated
		p.users += n
		sample = append(sample, got...)
	}
	p.sample = sample
	return nil
}

// bulk has the node log n users in, without a request each, and returns some of them,
// spread evenly, with what a log-in over the wire would have given them, and how many
// log-ins were repeated: each of those may have left a record that nobody has.
func (r *rig) bulk(ctx context.Context, from, n, sample int) (users []user, repeated int, err error) {
	var answer struct {
		Created, Repeated int
		Sample            []struct {
			User      string
			SetCookie string `json:"set_cookie"`
			Body      json.RawMessage
		}
	}
	ask := map[string]int{"from": from, "count": n, "sample": sample}
	if err := r.nodes[0].Admin().Do(ctx, http.MethodPost, "/sessions/bulk", ask, &answer); err != nil {
		return nil, 0, err
	}
	if answer.Created != n || len(answer.Sample) != sample {
		return nil, 0, fmt.Errorf("%d of %d users were logged in, and %d of %d are told", answer.Created, n, len(answer.Sample), sample)
	}
	users = make([]user, sample)
	for i, got := range answer.Sample {
		header := []contract.Header{{Name: "Set-Cookie", Value: got.SetCookie}, {Name: "Content-Type", Value: "application/json"}}
		vars := r.c.User(from + i*n/sample)
		given, err := r.c.Login.ExtractFrom(http.StatusOK, header, got.Body)
		if err == nil && vars["subject"] != got.User {
			err = fmt.Errorf("it is %s who was logged in", got.User)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("user %s: %w", vars["username"], err)
		}
		users[i].vars = vars.With(given)
	}
	return users, answer.Repeated, nil
}

// heap is the node's live memory in bytes.
func (r *rig) heap(ctx context.Context) (int64, error) {
	var m struct{ Heap int64 }
	err := r.nodes[0].Admin().Do(ctx, http.MethodGet, "/memory", nil, &m)
	return m.Heap, err
}
