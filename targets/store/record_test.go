package store

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sample() Record {
	at := time.UnixMilli(1_700_000_000_123)
	return Record{
		Subject: "user-1", Roles: []string{"user", "admin"},
		Created: at, LastSeen: at.Add(time.Minute), AuthTime: at.Add(time.Second), Until: at.Add(12 * time.Hour),
	}
}

func TestRecordEncoding(t *testing.T) {
	for _, spoil := range []func(*Record){
		func(*Record) {},
		func(r *Record) { r.Roles = nil },
		func(r *Record) { r.Subject = strings.Repeat("s", maxSubject) },
		func(r *Record) { r.Created = time.UnixMilli(-1) },
		func(r *Record) { r.Data = "x" },
		func(r *Record) { r.Roles, r.Data = nil, strings.Repeat("d", maxData) },
	} {
		rec := sample()
		spoil(&rec)
		got, err := decodeRecord(appendRecord(nil, &rec))
		if err != nil || !reflect.DeepEqual(got, rec) {
			t.Errorf("decode = %+v, %v\nwant     %+v", got, err, rec)
		}
	}
}

// TestRecordDamage: no flipped bit, no cut and no extra byte goes unnoticed.
func TestRecordDamage(t *testing.T) {
	for _, data := range []string{"", "profile"} {
		rec := sample()
		rec.Data = data
		damage(t, rec)
	}
}

func damage(t *testing.T, rec Record) {
	good := appendRecord(nil, &rec)
	check := func(what string, b []byte) {
		t.Helper()
		if got, err := decodeRecord(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: decode = %+v, %v, want ErrCorrupt", what, got, err)
		}
	}
	for i := range good {
		check("cut", good[:i])
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			check("flipped bit", b)
		}
	}
	check("extra byte", append(bytes.Clone(good), 0))
	check("nothing", nil)
}

// FuzzDecodeRecord: what decodes is what its record encodes to, byte for byte,
// and could have been stored. The checksum is put right, or nothing would get
// past it.
func FuzzDecodeRecord(f *testing.F) {
	for _, roles := range [][]string{nil, {"user"}, {"a", "b", "c"}} {
		rec := sample()
		rec.Roles = roles
		good := appendRecord(nil, &rec)
		f.Add(good)
		rec.Data = "profile"
		f.Add(appendRecord(nil, &rec))
		f.Add(good[:len(good)-1])
		f.Add(append(bytes.Clone(good), 0))
	}
	f.Add([]byte{})
	f.Add([]byte{recordVersion})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= timesAt {
			b = bytes.Clone(b)
			sum := checksum(b[timesAt:])
			b[1], b[2], b[3], b[4] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		}
		rec, err := decodeRecord(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error %v is not ErrCorrupt", err)
			}
			return
		}
		if err := rec.check(); err != nil && !rec.Created.IsZero() && !rec.LastSeen.IsZero() && !rec.AuthTime.IsZero() && !rec.Until.IsZero() {
			t.Fatalf("decoded what no store accepts: %v", err)
		}
		if again := appendRecord(nil, &rec); !bytes.Equal(again, b) {
			t.Fatalf("encodes to %x\nwas        %x", again, b)
		}
	})
}
