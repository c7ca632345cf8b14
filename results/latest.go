package results

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// latestName stands in the root of all results and leads to the newest run: a
// symbolic link or, where the file system has none, a file with the path.
const latestName = "latest"

// setLatest swaps root/latest atomically. It refuses to replace anything that
// it would not have made itself.
func setLatest(root, id string) error {
	return setLatestWith(root, id, os.Symlink)
}

func setLatestWith(root, id string, symlink func(target, link string) error) error {
	path := filepath.Join(root, latestName)
	if fi, err := os.Lstat(path); err == nil && fi.IsDir() {
		return fmt.Errorf("%s is a directory; move it away, it is to lead to the newest run", path)
	}
	target := filepath.Join("runs", id)
	tmp := filepath.Join(root, "."+latestName+"-"+id)
	os.Remove(tmp) // of a run that was killed at this very point
	if err := symlink(target, tmp); err == nil {
		if err := os.Rename(tmp, path); err != nil {
			os.Remove(tmp)
			return err
		}
		return nil
	}
	return writeFile(path, []byte(filepath.ToSlash(target)+"\n"))
}

// resolve finds the directory and run.json that path means: a run's directory,
// its run.json, or root/latest in either form.
func resolve(path string) (dir, file string, err error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	if fi.Mode().IsRegular() && fi.Size() < 4096 && filepath.Base(path) == latestName {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", "", err
		}
		to := filepath.FromSlash(strings.TrimSpace(string(b)))
		if to == "" || filepath.IsAbs(to) {
			return "", "", fmt.Errorf("%s does not lead to a run", path)
		}
		path = filepath.Join(filepath.Dir(path), to)
		if fi, err = os.Stat(path); err != nil {
			return "", "", err
		}
	}
	// The link may be moved to a newer run while this one is read.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", "", err
	}
	if fi.IsDir() {
		return path, filepath.Join(path, RunFile), nil
	}
	return filepath.Dir(path), path, nil
}
