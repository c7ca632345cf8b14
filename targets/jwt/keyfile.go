package jwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ringFile is a ring on disk: DIR/ring.ALG.json, mode 0600, so that one
// directory can serve arms of several algorithms.
type ringFile struct {
	Algorithm string    `json:"alg"`
	Active    string    `json:"active"`
	Keys      []keyFile `json:"keys"`
}

type keyFile struct {
	ID      string    `json:"kid"`
	Created time.Time `json:"created"`
	Private []byte    `json:"private"` // base64: PKCS #8, or the bare secret of HS256
}

// FileName is the name of algorithm's ring inside a key directory.
func FileName(algorithm string) string { return "ring." + algorithm + ".json" }

// Save writes the ring into dir, which it creates (0700) if it has to, as a file
// that only its owner can read. The file appears whole or not at all.
func (r *Ring) Save(dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state.Load()
	f := ringFile{Algorithm: r.alg.name, Active: s.active.ID}
	for _, k := range s.order {
		private, err := r.alg.encode(k.private)
		if err != nil {
			return fmt.Errorf("jwt: encode key %s: %w", k.ID, err)
		}
		f.Keys = append(f.Keys, keyFile{ID: k.ID, Created: k.Created, Private: private})
	}
	b, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return fmt.Errorf("jwt: encode the key ring: %w", err)
	}
	return WriteSecret(dir, FileName(r.alg.name), append(b, '\n'))
}

// LoadRing reads algorithm's ring from dir. It refuses a file that anybody but
// its owner can read.
func LoadRing(dir, algorithm string) (*Ring, error) {
	alg, err := findAlgorithm(algorithm)
	if err != nil {
		return nil, err
	}
	b, err := ReadSecret(dir, FileName(algorithm))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, FileName(algorithm))
	var f ringFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%s: not a key ring: %w", path, err)
	}
	if f.Algorithm != algorithm {
		return nil, fmt.Errorf("%s: keys for %q, want %s", path, f.Algorithm, algorithm)
	}
	return f.ring(alg, path)
}

func (f ringFile) ring(alg *algorithm, path string) (*Ring, error) {
	var (
		keys   []*Key
		active *Key
		seen   = map[string]bool{}
	)
	for i, kf := range f.Keys {
		if kf.ID == "" || seen[kf.ID] {
			return nil, fmt.Errorf("%s: key %d: kid %q is empty or there twice", path, i, kf.ID)
		}
		seen[kf.ID] = true
		private, err := alg.decode(kf.Private)
		if err != nil {
			return nil, fmt.Errorf("%s: key %q: %w", path, kf.ID, err)
		}
		k := &Key{ID: kf.ID, Created: kf.Created, private: private, public: alg.public(private)}
		keys = append(keys, k)
		if k.ID == f.Active {
			active = k
		}
	}
	if active == nil {
		return nil, fmt.Errorf("%s: the active key %q is not in the ring of %d", path, f.Active, len(keys))
	}
	r := &Ring{alg: alg}
	r.set(keys, active)
	return r, nil
}

// maxSecretFile bounds what is read from a key directory.
const maxSecretFile = 1 << 20

// WriteSecret writes dir/name with mode 0600, atomically, and makes dir (0700)
// if need be.
func WriteSecret(dir, name string, data []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	tmp, err := os.CreateTemp(dir, "."+name+".*") // 0600
	if err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already if all went well
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
	}
	if err := os.Rename(tmp.Name(), filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	return nil
}

// ReadSecret reads dir/name and refuses it if group or others may touch it.
func ReadSecret(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist: make one with `authbench keys --arm NAME --out %s`", path, dir)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// The open file is asked, not the path: nothing can be exchanged in between.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: others can read or change the key; run chmod 600 %s", path, mode, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(b) > maxSecretFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	}
	return b, nil
}
