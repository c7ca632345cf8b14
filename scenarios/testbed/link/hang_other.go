//go:build !linux

package link

import "errors"

// hang hangs on what only Linux does: it drops a SYN when the backlog is full,
// where others answer with a reset or take it in anyway.
func (p *proxy) hang() (undo func() error, err error) {
	return nil, errors.New("a connect that hangs can be made on Linux only")
}
