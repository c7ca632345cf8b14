package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
	"unicode/utf8"
)

// A record as one value, big endian:
//
//	version      1 byte, 1
//	crc          4 bytes, CRC-32C of all that follows
//	times        4 x 8 bytes, Unix milliseconds: created, last seen, auth time, until
//	subject      1 byte length, bytes
//	roles        1 byte count, then each as 1 byte length, bytes
//	data         2 bytes length, bytes; nothing at all where there is none
//
// The checksum is there because a wrong answer here is another user's identity:
// a value that was damaged in the store or on the way is an error.
const (
	recordVersion = 1
	crcAt         = 1
	timesAt       = 5
	subjectAt     = timesAt + 4*8
)

// appendRecord appends the encoding of rec, which has passed check.
func appendRecord(b []byte, rec *Record) []byte {
	start := len(b)
	b = append(b, recordVersion, 0, 0, 0, 0)
	for _, t := range [...]time.Time{rec.Created, rec.LastSeen, rec.AuthTime, rec.Until} {
		b = binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli()))
	}
	b = append(b, byte(len(rec.Subject)))
	b = append(b, rec.Subject...)
	b = append(b, byte(len(rec.Roles)))
	for _, role := range rec.Roles {
		b = append(b, byte(len(role)))
		b = append(b, role...)
	}
	if rec.Data != "" {
		b = binary.BigEndian.AppendUint16(b, uint16(len(rec.Data)))
		b = append(b, rec.Data...)
	}
	binary.BigEndian.PutUint32(b[start+crcAt:], checksum(b[start+timesAt:]))
	return b
}

func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) // MakeTable returns a shared table
}

// decodeRecord accepts exactly what appendRecord makes; anything else is
// ErrCorrupt. The strings of the record are parts of one copy of b.
func decodeRecord(b []byte) (Record, error) {
	if len(b) < subjectAt+2 || b[0] != recordVersion {
		return Record{}, corrupt("%d bytes, version %d", len(b), first(b))
	}
	if checksum(b[timesAt:]) != binary.BigEndian.Uint32(b[crcAt:]) {
		return Record{}, corrupt("checksum of %d bytes differs", len(b))
	}
	rest := string(b[subjectAt:])
	rec := Record{Created: timeAt(b, 0), LastSeen: timeAt(b, 1), AuthTime: timeAt(b, 2), Until: timeAt(b, 3)}
	var ok bool
	if rec.Subject, rest, ok = cutCounted(rest); !ok || rec.Subject == "" || !utf8.ValidString(rec.Subject) || rest == "" {
		return Record{}, corrupt("subject")
	}
	n := int(rest[0])
	rest = rest[1:]
	if n > maxRoles {
		return Record{}, corrupt("%d roles", n)
	}
	if n > 0 {
		rec.Roles = make([]string, n)
	}
	for i := range rec.Roles {
		if rec.Roles[i], rest, ok = cutCounted(rest); !ok || !validRole(rec.Roles[i]) {
			return Record{}, corrupt("role %d", i)
		}
	}
	if rest == "" {
		return rec, nil
	}
	if len(rest) < 3 || len(rest)-2 > maxData || int(rest[0])<<8|int(rest[1]) != len(rest)-2 {
		return Record{}, corrupt("%d bytes too many", len(rest))
	}
	rec.Data = rest[2:]
	return rec, nil
}

func timeAt(b []byte, i int) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[timesAt+8*i:])))
}

// cutCounted splits off a string with its length in front.
func cutCounted(s string) (head, tail string, ok bool) {
	if s == "" || len(s) < 1+int(s[0]) {
		return "", "", false
	}
	n := 1 + int(s[0])
	return s[1:n], s[n:], true
}

func first(b []byte) int {
	if len(b) == 0 {
		return -1
	}
	return int(b[0])
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}
