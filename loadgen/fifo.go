package loadgen

// fifo is a queue in a ring that grows and never shrinks. The zero value is
// empty.
type fifo[T any] struct {
	ring  []T // length a power of two
	first int
	n     int
}

// newFIFO returns a queue that holds n without growing.
func newFIFO[T any](n int) fifo[T] {
	size := 1
	for size < n {
		size *= 2
	}
	return fifo[T]{ring: make([]T, size)}
}

func (q *fifo[T]) push(v T) {
	if q.n == len(q.ring) {
		bigger := make([]T, max(16, 2*len(q.ring)))
		for i := range q.n {
			bigger[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
		}
		q.ring, q.first = bigger, 0
	}
	q.ring[(q.first+q.n)&(len(q.ring)-1)] = v
	q.n++
}

func (q *fifo[T]) peek() T { return q.ring[q.first] }

func (q *fifo[T]) pop() T {
	v := q.ring[q.first]
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.n--
	return v
}

func (q *fifo[T]) clear() { q.first, q.n = 0, 0 }

// remove takes v out of the queue, wherever it stands.
func remove[T comparable](q *fifo[T], v T) {
	for range q.n {
		if w := q.pop(); w != v {
			q.push(w)
		}
	}
}
