package evidence

import "testing"

func TestAbout(t *testing.T) {
	for n, want := range map[int]int64{7: 7, 99: 99, 102: 100, 246: 250, 1949: 1900, 1950: 2000} {
		if got := about(n); got != want {
			t.Errorf("about(%d) = %d, want %d", n, got, want)
		}
	}
}
