package jwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ringFile is a ring on disk: DIR/ring.ALG.json, mode 0600, so that one
// directory can serve arms of several algorithms.
type ringFile struct {
	Algorithm string    `json:"alg"` // that the ring was made for
	Active    string    `json:"active"`
	Keys      []keyFile `json:"keys"`
}

type keyFile struct {
	ID        string    `json:"kid"`
	Algorithm string    `json:"alg,omitempty"` // if not that of the ring
	Created   time.Time `json:"created"`
	// Signs is from when on it is to sign, Ends when it goes: absent where that is not
	// planned. Overlap is how long its predecessor stays beside it.
	Signs   time.Time `json:"signs,omitzero"`
	Ends    time.Time `json:"ends,omitzero"`
	Overlap string    `json:"overlap,omitempty"`
	Private []byte    `json:"private"` // base64: PKCS #8, the bare secret of HS256, the seed of ML-DSA
}

// FileName is the name of algorithm's ring inside a key directory.
func FileName(algorithm string) string { return "ring." + algorithm + ".json" }

// Save writes the ring into dir, which it creates (0700) if it has to, as a file
// that only its owner can read. The file appears whole or not at all.
func (r *Ring) Save(dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state.Load()
	if s.active == nil {
		return errors.New("jwt: these keys are somebody else's: there is nothing to save")
	}
	f := ringFile{Algorithm: r.alg.name, Active: s.active.ID}
	for _, m := range s.members {
		private, err := m.alg.encode(m.private)
		if err != nil {
			return fmt.Errorf("jwt: encode key %s: %w", m.ID, err)
		}
		k := keyFile{ID: m.ID, Created: m.Created, Signs: m.signs, Ends: m.ends, Private: private}
		if m.alg != r.alg {
			k.Algorithm = m.Algorithm
		}
		if m.overlap > 0 {
			k.Overlap = m.overlap.String()
		}
		f.Keys = append(f.Keys, k)
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
	r := emptyRing(alg)
	var (
		members []*member
		active  *Key
		seen    = map[string]bool{}
	)
	for i, kf := range f.Keys {
		if kf.ID == "" || seen[kf.ID] {
			return nil, fmt.Errorf("%s: key %d: kid %q is empty or there twice", path, i, kf.ID)
		}
		seen[kf.ID] = true
		m, err := kf.member(alg)
		if err == nil {
			err = r.vet(m.Key)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: key %q: %w", path, kf.ID, err)
		}
		members = append(members, m)
		if m.ID == f.Active {
			active = m.Key
		}
	}
	if active == nil {
		return nil, fmt.Errorf("%s: the active key %q is not in the ring of %d", path, f.Active, len(members))
	}
	r.set(members, active)
	return r, nil
}

// member reads a key of a ring for alg.
func (kf keyFile) member(alg *algorithm) (*member, error) {
	if kf.Algorithm != "" {
		if !slices.Contains(alg.methods(), kf.Algorithm) {
			return nil, fmt.Errorf("a key for %.20q in a ring for %s", kf.Algorithm, alg.name)
		}
		var err error
		if alg, err = findAlgorithm(kf.Algorithm); err != nil {
			return nil, err
		}
	}
	private, err := alg.decode(kf.Private)
	if err != nil {
		return nil, err
	}
	m := &member{Key: newKey(kf.ID, alg, private, alg.public(private)), signs: kf.Signs, ends: kf.Ends}
	m.Created = kf.Created
	if kf.Overlap != "" {
		if m.overlap, err = time.ParseDuration(kf.Overlap); err != nil {
			return nil, fmt.Errorf("overlap: %w", err)
		}
	}
	return m, nil
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
