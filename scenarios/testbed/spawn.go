package testbed

import (
	"errors"
	"os/exec"
	"runtime"
)

var errClosed = errors.New("the testbed is closed")

// spawner forks every child from one thread that lives as long as the testbed.
//
// Subtle: two things hang on that thread. A child inherits the affinity of the
// thread that forked it (a Go child then finds GOMAXPROCS = the cores it was
// given), and Linux's parent-death signal fires when the forking *thread* ends,
// not the process: forked from an ordinary goroutine, a store would be killed
// whenever the Go runtime retires the thread that happened to run it.
//
// The thread is never unlocked, so that it ends with the goroutine and takes
// along whatever was still alive.
type spawner struct {
	jobs chan spawnJob
	quit chan struct{}
	done chan struct{}
}

type spawnJob struct {
	cmd *exec.Cmd
	err chan<- error
}

// newSpawner confines the thread, and with it every child, to cores; nil leaves
// it where the harness may run.
func newSpawner(cores []int) (*spawner, error) {
	s := &spawner{jobs: make(chan spawnJob), quit: make(chan struct{}), done: make(chan struct{})}
	ready := make(chan error)
	go s.run(cores, ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return s, nil
}

func (s *spawner) run(cores []int, ready chan<- error) {
	runtime.LockOSThread()
	defer close(s.done)
	err := pinThread(cores)
	ready <- err
	if err != nil {
		return
	}
	for {
		select {
		case j := <-s.jobs:
			j.err <- j.cmd.Start()
		case <-s.quit:
			return
		}
	}
}

// start is cmd.Start on the spawner's thread.
func (s *spawner) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = childAttr()
	err := make(chan error, 1)
	select {
	case s.jobs <- spawnJob{cmd, err}:
		return <-err
	case <-s.quit:
		return errClosed
	}
}

// close ends the thread. Call it once.
func (s *spawner) close() {
	close(s.quit)
	<-s.done
}
