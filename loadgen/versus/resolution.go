//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"authbench/results/stat"
)

// resolution looks for the difference between two token checks, some tens of
// microseconds, in the median response at 4,000 requests a second.
func resolution(ctx context.Context, b *bench, p *page) error {
	const rate = 4000
	p50 := map[string][]float64{}
	arms := []string{"jwt-hs256", "jwt-es256"}
	for i := range b.blocks {
		for j := range arms {
			arm := arms[(i+j)%2]
			us, err := b.arm(ctx, arm, rate)
			if err != nil {
				return fmt.Errorf("%s: %w", arm, err)
			}
			p50[arm] = append(p50[arm], us)
		}
	}
	d, err := stat.Difference(p50["jwt-es256"], p50["jwt-hs256"], 0.95)
	if err != nil {
		return err
	}
	p.section("Resolution")
	p.line("jwt-es256 and jwt-hs256 at %d requests a second, %d blocks of 3 s on fresh nodes, in alternating order: medians %.1f and %.1f us; paired difference "+
		"%.1f us [%.1f, %.1f] (Hodges-Lehmann, exact Wilcoxon interval at %.1f %%), p = %.2g. Excludes 0: %s.\n", rate, b.blocks,
		median(p50["jwt-es256"]), median(p50["jwt-hs256"]), d.Value, d.Lo, d.Hi, 100*d.Achieved, d.P, met(d.Bounded && d.Lo > 0))
	return nil
}

// arm is the median response of a fresh node of the arm, in microseconds.
func (b *bench) arm(ctx context.Context, name string, rate int) (float64, error) {
	_, line, err := b.start(b.authbench, "serve", "--arm", name)
	if err != nil {
		return 0, err
	}
	defer b.stop()
	var ready struct {
		Listen   string `json:"listen"`
		User     string `json:"example_user"`
		Password string `json:"example_password"`
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		return 0, fmt.Errorf("serve says %q: %w", line, err)
	}
	token, err := login(ready.Listen, ready.User, ready.Password)
	if err != nil {
		return 0, err
	}
	r, err := b.load(ctx, "http://"+ready.Listen+"/me", "--header", "Authorization: Bearer "+token,
		"--rate", fmt.Sprint(rate), "--warmup", "500ms", "--duration", "3s")
	if err != nil {
		return 0, err
	}
	if r.OK != r.Scheduled {
		return 0, fmt.Errorf("not all were accepted: %+v", r.Accounting)
	}
	return us(r.Latency.P50), nil
}

func login(listen, user, password string) (string, error) {
	body, err := json.Marshal(map[string]string{"username": user, "password": password})
	if err != nil {
		return "", err
	}
	res, err := http.Post("http://"+listen+"/login", "application/json", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || got.Token == "" {
		return "", fmt.Errorf("log in: %s: no access_token (%v)", res.Status, err)
	}
	return got.Token, nil
}
