package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const (
	stopGrace = 5 * time.Second // from SIGTERM to SIGKILL
	tailBytes = 2048
	tailLines = 8
)

// command is a child to be.
type command struct {
	name string // for messages: "redis-server", the arm
	path string
	args []string
	env  []string // added to ours
	dir  string   // where its output is kept, and where it runs unless inherit
	in   string   // file that it reads on stdin; empty: nothing
	// secret is what its environment holds and its output, quoted in a message, must not.
	secret []string
	// inherit runs it in the harness's own working directory.
	inherit bool
}

// process is one running child. Its output goes to files, not through pipes:
// copying a chatty target's log would cost the load generator its core.
type process struct {
	name   string
	cmd    *exec.Cmd
	dir    string
	secret []string      // never quoted
	exited chan struct{} // closed once it has been reaped

	mu   sync.Mutex
	gone bool
	last Sample // the final one, once gone
}

// spawn starts c. It is reaped as soon as it ends, and whatever of its group is
// still there then is killed.
func (tb *Testbed) spawn(c command) (*process, error) {
	cmd := exec.Command(c.path, c.args...)
	if !c.inherit {
		cmd.Dir = c.dir
	}
	cmd.Env = append(os.Environ(), c.env...)
	if c.in != "" {
		in, err := os.Open(c.in)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		cmd.Stdin = in
	}
	out, err := logFile(c.dir, "stdout")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	errs, err := logFile(c.dir, "stderr")
	if err != nil {
		return nil, err
	}
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	if err := tb.spawner.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	p := &process{name: c.name, cmd: cmd, dir: c.dir, secret: c.secret, exited: make(chan struct{})}
	go p.reap()
	tb.log.Debug("process started", "name", c.name, "pid", p.pid())
	return p, nil
}

func logFile(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

func (p *process) reap() {
	_ = p.cmd.Wait() // how it ended is in ProcessState
	_ = killGroup(p.pid())
	p.mu.Lock()
	p.gone = true
	if s := p.cmd.ProcessState; s != nil {
		p.last = Sample{CPU: s.UserTime() + s.SystemTime(), Known: sampleWorks}
	}
	p.mu.Unlock()
	close(p.exited)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill is SIGKILL for the whole group. It returns when the process is gone.
func (p *process) kill() error {
	if err := p.signal(killGroup); err != nil {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}

// pause freezes the whole group and returns when it is frozen.
func (p *process) pause(ctx context.Context) error {
	if err := p.signal(pauseGroup); err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	err := p.until(ctx, stopGrace, func(context.Context) error { return frozen(p.pid()) })
	if err != nil {
		return errors.Join(err, p.resume())
	}
	return nil
}

func (p *process) resume() error {
	if err := p.signal(resumeGroup); err != nil {
		return fmt.Errorf("continue %s: %w", p.name, err)
	}
	return nil
}

// signal sends unless the process is gone: its number may be somebody else's then.
func (p *process) signal(send func(pid int) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil
	}
	return send(p.pid())
}

// stop asks the process to end, and kills it when it does not within the grace.
func (p *process) stop() error {
	err := p.signal(terminateGroup)
	_ = p.signal(resumeGroup) // one that is stopped would not hear it
	if err == nil {
		select {
		case <-p.exited:
			return nil
		case <-time.After(stopGrace):
		}
	}
	return p.kill()
}

// sample reads the process clock. Of a process that has ended it is the final
// reading, with no memory.
func (p *process) sample() Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		if s := sampleProcess(p.pid()); s.Known {
			p.last = s
			return s
		}
	}
	s := p.last
	s.RSS = 0
	return s
}

// tail is the end of what the process wrote to stderr (else stdout), on one or
// more lines, for error messages.
func (p *process) tail() string {
	for _, name := range []string{"stderr", "stdout"} {
		if text := lastLines(fileTail(filepath.Join(p.dir, name))); text != "" {
			return hide(text, p.secret)
		}
	}
	return "(it wrote nothing)"
}

func fileTail(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tailBytes {
		_, _ = f.Seek(-tailBytes, io.SeekEnd)
	}
	b, _ := io.ReadAll(io.LimitReader(f, tailBytes))
	return b
}

// lastLines is what fits into an error message.
func lastLines(b []byte) string {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-tailLines):], []byte("\n")))
}

// failed describes why p is not what was hoped for.
func (p *process) failed(err error) error {
	select {
	case <-p.exited:
		return fmt.Errorf("%w: %s, %v: %s", errEnded, p.name, p.cmd.ProcessState, p.tail())
	default:
		return fmt.Errorf("%s: %w; its output: %s", p.name, err, p.tail())
	}
}

// until polls ready until it returns nil, p ends, or the timeout has passed.
func (p *process) until(ctx context.Context, timeout time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := poll(ctx, func(ctx context.Context) error {
		select {
		case <-p.exited:
			return errEnded
		default:
			return ready(ctx)
		}
	})
	if err != nil {
		return p.failed(err)
	}
	return nil
}

// errEnded stops a poll: what is waited for cannot come any more.
var errEnded = errors.New("the process has ended")

// poll calls ready every few milliseconds until it returns nil or wraps
// errEnded, and gives up with its last error when ctx ends.
func poll(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := ready(ctx)
		if err == nil || errors.Is(err, errEnded) {
			return err
		}
		if end, ok := ctx.Deadline(); last == nil || ctx.Err() == nil && !(ok && time.Now().After(end)) {
			last = err // one that was cut short has nothing to say
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready in time: %w", last)
		case <-tick.C:
		}
	}
}
