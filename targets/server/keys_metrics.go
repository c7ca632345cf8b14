package server

import "authbench/targets/jwt"

// keyFamilies are of the keys that tokens are signed and verified with.
func (s *Server) keyFamilies() []family {
	// With calls read for a node that has keys; of fetched ones only if remote.
	with := func(remote bool, read func(k *keyring, emit emit)) func(*reading, emit) {
		return func(_ *reading, emit emit) {
			if t := s.tokens; t != nil && (!remote || t.keys.remote != nil) {
				read(t.keys, emit)
			}
		}
	}
	return []family{
		{
			"keys", "Keys that tokens are verified with, by their stage.", gauge,
			[]string{"stage"},
			with(false, func(k *keyring, emit emit) {
				stages := map[jwt.Stage]int{}
				keys, _ := k.ring.Keys()
				for _, key := range keys {
					stages[key.Stage]++
				}
				for _, stage := range []jwt.Stage{jwt.Published, jwt.Active, jwt.Retired} {
					emit(float64(stages[stage]), string(stage))
				}
			}),
		},
		{
			"key_rotations_total", "Rotations that this node began.", counter, nil,
			with(false, func(k *keyring, emit emit) { emit(float64(k.rotations.Load())) }),
		},
		{
			"key_failures_total", "Scheduled rotations and reloads of the key file that failed.", counter, nil,
			with(false, func(k *keyring, emit emit) { emit(float64(k.failures.Load())) }),
		},
		{
			"key_conflicts_total", "Kids that came back with another key, and were refused.", counter, nil,
			with(false, func(k *keyring, emit emit) { emit(float64(k.ring.Conflicts())) }),
		},
		{
			"jwks_fetches_total", "Fetches of the key set: ok, timeout, unreachable, status (not 200), malformed, empty. Only ok changes the keys.", counter,
			[]string{"result"},
			with(true, func(k *keyring, emit emit) {
				counts := k.remote.Fetches()
				for _, result := range jwt.FetchResults() {
					emit(float64(counts[result]), result)
				}
			}),
		},
		{
			"jwks_age_seconds", "Age of the key set in use, since it was asked for: beyond jwks_cache nobody answers.", gauge, nil,
			with(true, func(k *keyring, emit emit) {
				if age, ok := k.remote.Age(); ok {
					emit(age.Seconds())
				}
			}),
		},
	}
}
