package scenarios

import "time"

// Profile is a preset of how long and how often to measure.
type Profile struct {
	Name    string
	Summary string
	Blocks  int
	Users   int
	Warmup  time.Duration
	Steady  time.Duration
	// Saturate is the closed-loop window at the end of a trial.
	Saturate time.Duration
	// Promises has every arm's users logged out and its store killed, once, when the
	// trials are done: see PromiseCases.
	Promises bool
	// Knee has the highest rate at an objective looked for, once an arm, when the
	// trials are done.
	Knee bool
}

// Profiles lists the presets, shortest first. Seconds are bought before blocks:
// the spread of an A/A comparison at 0.75 s windows is three times that at 4 s.
func Profiles() []Profile {
	return []Profile{
		{
			Name: "quick", Summary: "6 blocks, at most 200 s on two cores; estimates only, names no winner",
			Blocks: 6, Users: 500,
			Warmup: 400 * time.Millisecond, Steady: 2 * time.Second, Saturate: 500 * time.Millisecond,
		},
		{
			Name: "default", Summary: "12 blocks of 3 s, then a log-out and a dead store for every arm; at most 11 min on two cores",
			Blocks: 12, Users: 1000,
			Warmup: 500 * time.Millisecond, Steady: 3 * time.Second, Saturate: time.Second, Promises: true,
		},
		{
			Name: "full", Summary: "12 blocks of 2 min with 10,000 users: hours, and worth it for p99",
			Blocks: 12, Users: 10_000,
			Warmup: 10 * time.Second, Steady: 2 * time.Minute, Saturate: 10 * time.Second, Promises: true, Knee: true,
		},
	}
}
