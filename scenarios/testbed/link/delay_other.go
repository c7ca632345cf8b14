//go:build !linux

package link

import "errors"

func newDelayer(Config) (engine, error) {
	return nil, errors.New("an exact delay needs epoll_pwait2, which is there on Linux only")
}
