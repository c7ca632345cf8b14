package store

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
)

// The kinds of failure that Failure tells apart.
const (
	FailedPool     = "pool"     // no connection became free in time
	FailedTimeout  = "timeout"  // no answer in time
	FailedRefused  = "refused"  // nobody listens
	FailedReset    = "reset"    // the connection ended before the answer
	FailedMemory   = "oom"      // the store has no memory left to write
	FailedReadOnly = "readonly" // it takes no writes
	FailedFull     = "full"     // it takes no more connections
	FailedLoading  = "loading"  // it is reading its data in
	FailedDenied   = "denied"   // it does not know, or not trust, our account
	FailedStale    = "stale"    // a copy on the node is older than it may be
	FailedOther    = "other"
)

// Failures lists them.
func Failures() []string {
	return []string{
		FailedPool, FailedTimeout, FailedRefused, FailedReset, FailedMemory, FailedReadOnly, FailedFull,
		FailedLoading, FailedDenied, FailedStale, FailedOther,
	}
}

// ErrNoConnection means that the pool had no free connection within Timeouts.Pool,
// ErrStale that a copy on the node is too old to answer from.
var (
	ErrNoConnection = errors.New("store: no free connection")
	ErrStale        = errors.New("the copy is too old")
)

// Failure says in a word of Failures how a store failed. It looks at an error that
// is there already, so it costs a request that succeeds nothing.
func Failure(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, ErrNoConnection), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return FailedPool
	case errors.Is(err, ErrStale):
		return FailedStale
	case errors.Is(err, syscall.ECONNREFUSED):
		return FailedRefused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return FailedTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, mysql.ErrInvalidConn):
		return FailedReset
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return mysqlFailure(my.Number)
	}
	var answer redis.Error
	if errors.As(err, &answer) {
		return redisFailure(answer.Error())
	}
	return FailedOther
}

// redisFailure goes by the first word of an error answer, which is its code, and
// has no code for a full server.
func redisFailure(text string) string {
	code, _, _ := strings.Cut(text, " ")
	switch {
	case code == "OOM":
		return FailedMemory
	case code == "READONLY", code == "NOREPLICAS", code == "MISCONF":
		return FailedReadOnly
	case code == "LOADING", code == "MASTERDOWN", code == "CLUSTERDOWN", code == "TRYAGAIN":
		return FailedLoading
	case code == "NOAUTH", code == "WRONGPASS", code == "NOPERM":
		return FailedDenied
	case strings.Contains(text, "max number of clients"):
		return FailedFull
	}
	return FailedOther
}

// mysqlFailure goes by the numbers of the MySQL and MariaDB error reference.
func mysqlFailure(number uint16) string {
	for kind, numbers := range map[string][]uint16{
		FailedFull:     {1040, 1203, 1226},       // too many connections, of all or of a user
		FailedTimeout:  {1205, 3024, 1969},       // lock wait timeout, statement timeout (MySQL, MariaDB)
		FailedReadOnly: {1290, 1792, 1836},       // read_only, a read-only transaction, read-only mode
		FailedMemory:   {1037, 1038, 1041, 1114}, // out of memory, of sort memory, of resources; table full
		FailedDenied:   {1044, 1045, 1142, 1698}, // access denied
	} {
		if slices.Contains(numbers, number) {
			return kind
		}
	}
	return FailedOther
}
