package testbed

import (
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"strconv"
)

const loopback = "127.0.0.1"

// freePort finds a loopback port that nobody listens on, below the range that
// systems hand to outgoing connections (32768 up on Linux, 49152 elsewhere).
//
// Subtle: a port inside that range can be taken by any connection while its
// server is dead, by the very client that keeps trying to reach it even: TCP
// lets a socket connect to itself. The server could then never come back.
func freePort() (int, error) {
	const low, high = 20000, 32000
	var last error
	for range 100 {
		port := low + mrand.IntN(high-low)
		l, err := net.Listen("tcp", hostPort(port))
		if err != nil {
			last = err
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port between %d and %d: %w", low, high, errors.Join(last))
}

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// newPassword is 130 random bits of letters and digits, safe in URLs, SQL and
// configuration files.
func newPassword() string { return rand.Text() }
