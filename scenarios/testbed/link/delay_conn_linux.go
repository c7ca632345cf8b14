package link

import (
	"container/heap"

	"golang.org/x/sys/unix"

	"authbench/loadgen/poll"
)

// socket is one end of a connection through the link.
type socket struct {
	id        int32
	fd        int
	peer      *socket
	in        *flow // what was read here
	connected bool
	blocked   bool // a write did not fit; the next writable event goes on
	more      bool // reading stopped because the flow was full
}

// flow is what is under way from one socket to its peer.
type flow struct {
	from, to  *socket
	direction int // 0 up, 1 down
	chunks    []chunk
	bytes     int
	last      int64 // when the chunk that was read last is due
	queued    bool  // in the heap
	ended     bool  // the end has been passed on
}

// chunk is what one read gave. No data is the end of the stream.
type chunk struct {
	data []byte
	due  int64
}

// flowLimit bounds what is under way in one direction, in bytes. A sender that
// would exceed it is not read from until something has been delivered.
const flowLimit = 4 << 20

func (f *flow) first() int64 {
	if len(f.chunks) == 0 {
		return never
	}
	return f.chunks[0].due
}

// accept takes every connection that waits and begins to connect it to the store.
func (d *delayer) accept() {
	for {
		fd, _, err := unix.Accept4(d.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == unix.EINTR || err == unix.ECONNABORTED {
			continue
		}
		if err != nil {
			return // nobody waits, or we are out of files
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // an answer would wait for an ACK otherwise
		up, err := poll.Dial(d.upstream)
		if err != nil {
			poll.Abort(fd)
			poll.Close(fd)
			continue
		}
		node := &socket{id: d.lastID, fd: fd, connected: true}
		store := &socket{id: d.lastID + 1, fd: up, peer: node}
		node.peer = store
		d.lastID += 2
		node.in = &flow{from: node, to: store, direction: 0}
		store.in = &flow{from: store, to: node, direction: 1}
		d.sockets[node.id], d.sockets[store.id] = node, store
		d.open.Add(1)
		if d.poller.Add(node.fd, node.id, 0) != nil || d.poller.Add(store.fd, store.id, 0) != nil {
			d.drop(node)
		}
	}
}

func (d *delayer) happened(s *socket, ready uint32) {
	if ready&poll.Writable != 0 {
		if !s.connected {
			err := poll.Connected(s.fd)
			if err == unix.EAGAIN {
				return
			}
			if err != nil { // nobody there: the nearest to a refusal is a reset
				d.drop(s)
				return
			}
			s.connected = true
		}
		s.blocked = false
		d.enqueue(s.peer.in)
	}
	if ready&poll.Readable != 0 && s.connected {
		d.read(s)
	}
}

// read takes what is there.
func (d *delayer) read(s *socket) {
	f := s.in
	for s.more = false; ; {
		if f.bytes >= flowLimit {
			s.more = true
			break
		}
		n, errno := poll.Receive(s.fd, d.scratch)
		if errno == unix.EAGAIN {
			break
		}
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			d.drop(s)
			return
		}
		f.last = max(f.last, d.poller.Now()+d.lateness(f.direction))
		f.chunks = append(f.chunks, chunk{append([]byte(nil), d.scratch[:n]...), f.last})
		f.bytes += n
		if n == 0 {
			break
		}
	}
	d.enqueue(f)
}

// enqueue lets f wait for its first chunk to be due, unless its receiver cannot
// take any.
func (d *delayer) enqueue(f *flow) {
	if f.queued || len(f.chunks) == 0 || f.to.blocked || !f.to.connected || d.sockets[f.to.id] == nil {
		return
	}
	f.queued = true
	heap.Push(&d.due, f)
}

// flush writes the chunks of f that are due.
func (d *delayer) flush(f *flow, now int64) {
	if d.sockets[f.to.id] == nil {
		return // dropped since
	}
	for len(f.chunks) > 0 && f.first() <= now && !f.to.blocked {
		c := &f.chunks[0]
		if len(c.data) == 0 {
			d.end(f)
			return
		}
		n, errno := poll.Send(f.to.fd, c.data)
		switch {
		case errno == unix.EAGAIN:
			f.to.blocked = true
		case errno == unix.EINTR:
		case errno != 0:
			d.drop(f.to)
			return
		default:
			f.bytes -= n
			c.data = c.data[n:]
			if len(c.data) == 0 {
				f.chunks = f.chunks[1:]
			}
		}
	}
	d.enqueue(f)
	if f.from.more {
		d.read(f.from)
	}
}

// end passes the end of a stream on, and closes what has ended both ways.
func (d *delayer) end(f *flow) {
	f.chunks, f.ended = nil, true
	if !f.to.in.ended {
		_ = unix.Shutdown(f.to.fd, unix.SHUT_WR) // a socket that has failed tells by an event
		return
	}
	d.forget(f.from)
	poll.Close(f.from.fd)
	poll.Close(f.to.fd)
}

// drop resets both sides at once.
func (d *delayer) drop(s *socket) {
	if d.sockets[s.id] == nil {
		return
	}
	d.forget(s)
	for _, s := range []*socket{s, s.peer} {
		poll.Abort(s.fd)
		poll.Close(s.fd)
	}
}

// forget takes a connection out of the books. Its flows in the heap fall out when
// they are due.
func (d *delayer) forget(s *socket) {
	delete(d.sockets, s.id)
	delete(d.sockets, s.peer.id)
	d.open.Add(-1)
}
