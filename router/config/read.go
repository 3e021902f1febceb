package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFileBytes bounds what is read of one file, so that a path which names a
// device or a log by mistake ends in a message and not in a full memory.
const maxFileBytes = 64 << 20

// maxKeyBytes bounds a key file likewise.
const maxKeyBytes = 64 << 10

const backendFile = "backend.yaml"

// input is one file's content, or why there is none.
type input struct {
	name   string // as the person named it
	data   []byte
	err    error
	named  bool   // by the person, and not found in a folder
	custom string // the custom backend that it declares, or ""
}

// inputs is everything that Options name, read once.
type inputs struct {
	files []input
	// dirs are the folders, links resolved, in which a change of any entry may
	// change what is read.
	dirs map[string]bool
	seen map[string]bool // resolved names of files and folders: none is read twice
	skip string          // the resolved BackendsDir, whose files are no manifests, or ""
}

func readInputs(o Options) *inputs {
	in := &inputs{dirs: map[string]bool{}, seen: map[string]bool{}}
	for _, s := range o.Sources {
		in.files = append(in.files, input{name: s.Name, data: s.Data, named: true})
	}
	if o.BackendsDir != "" {
		in.skip = resolve(o.BackendsDir)
		in.backends(o)
	}
	for _, p := range o.Paths {
		in.path(p)
	}
	return in
}

// path reads a path that a person named.
func (in *inputs) path(path string) {
	in.watch(filepath.Dir(path))
	info, err := os.Stat(path)
	switch {
	case err != nil:
		in.fail(path, err)
	case info.IsDir():
		before := len(in.files)
		in.folder(path)
		if len(in.files) == before {
			in.files = append(in.files, input{name: path, err: errNothingInFolder})
		}
	default:
		in.file(path, input{named: true})
	}
}

func (in *inputs) folder(dir string) {
	real := resolve(dir)
	if in.seen[real] || real == in.skip {
		return // links may lead in a circle
	}
	in.seen[real] = true
	in.watch(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		in.fail(dir, err)
		return
	}
	for _, e := range entries {
		// Kubernetes mounts a folder of links into ..data, which would be read
		// twice; editors keep their own dot files.
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil:
			if isManifest(path) {
				in.fail(path, err)
			}
		case info.IsDir():
			in.folder(path)
		case isManifest(path):
			in.file(path, input{})
		}
	}
}

// backends reads the custom backends: one level of folders, the folder's name
// is the backend's.
func (in *inputs) backends(o Options) {
	dir := o.BackendsDir
	in.watch(filepath.Dir(dir))
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) && !o.BackendsRequired {
		return
	}
	if err != nil {
		in.fail(dir, err)
		return
	}
	in.watch(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			continue
		}
		in.watch(path)
		file := filepath.Join(path, backendFile)
		if _, err := os.Lstat(file); err == nil {
			in.file(file, input{custom: e.Name()})
		}
	}
}

// file reads one file into what f says of it already.
func (in *inputs) file(path string, f input) {
	real := resolve(path)
	once := f.custom + ":" + real // two custom backends may share one file
	if in.seen[once] {
		return
	}
	in.seen[once] = true
	in.watch(filepath.Dir(real))
	f.name = path
	f.data, f.err = readBounded(path, maxFileBytes)
	in.files = append(in.files, f)
}

func (in *inputs) fail(path string, err error) {
	in.files = append(in.files, input{name: path, err: err})
}

func (in *inputs) watch(dir string) { in.dirs[resolve(dir)] = true }

// readBounded reads a regular file of at most limit bytes. Its errors do not
// repeat the path.
func readBounded(path string, limit int64) ([]byte, error) {
	// Opening a pipe would wait for its other end, so the kind is asked first.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("file is larger than %d bytes", limit)
	}
	return data, err
}

// What may be wrong with a file besides what the operating system says.
var (
	errNotRegular      = errors.New("not a regular file")
	errNothingInFolder = errors.New("folder holds no .yaml, .yml or .json file")
)

// reason is what err says of a file that the message names anyway.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// resolve follows links; what does not exist keeps its name.
func resolve(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

func isManifest(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// consulted is what documents asked for beyond themselves: key files and
// environment variables. Each is read once, so that what the hash covers is
// what the configuration holds.
type consulted struct {
	lookupEnv func(string) (string, bool)
	files     map[string]input
	env       map[string]string
}

func newConsulted(o Options) *consulted {
	return &consulted{lookupEnv: o.LookupEnv, files: map[string]input{}, env: map[string]string{}}
}

// file returns a key file's content.
func (c *consulted) file(name string) ([]byte, error) {
	f, ok := c.files[name]
	if !ok {
		f.data, f.err = readBounded(name, maxKeyBytes)
		c.files[name] = f
	}
	return f.data, f.err
}

// variable returns an environment variable's value, "" when it is not set.
func (c *consulted) variable(name string) string {
	value, ok := c.env[name]
	if !ok && c.lookupEnv != nil {
		value, _ = c.lookupEnv(name)
	}
	c.env[name] = value
	return value
}

// again consults the same names anew.
func (c *consulted) again() *consulted {
	fresh := &consulted{lookupEnv: c.lookupEnv, files: map[string]input{}, env: map[string]string{}}
	for name := range c.files {
		_, _ = fresh.file(name) // the hash tells an error as well
	}
	for name := range c.env {
		fresh.variable(name)
	}
	return fresh
}

// hash digests what was read and consulted, and the options that shape it.
func (in *inputs) hash(o Options, c *consulted) string {
	h := sha256.New()
	part := func(s string, data []byte, err error) {
		if err != nil {
			s += ": " + reason(err)
		}
		var n [16]byte
		binary.BigEndian.PutUint64(n[:8], uint64(len(s)))
		binary.BigEndian.PutUint64(n[8:], uint64(len(data)))
		h.Write(n[:])
		h.Write([]byte(s))
		h.Write(data)
	}
	part("default "+o.DefaultBackend, nil, nil)
	part(fmt.Sprintf("aliases %q window %d", o.Aliases, o.ForceContextWindow), nil, nil)
	for _, f := range in.files {
		part("read "+f.name, f.data, f.err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		part("file "+name, c.files[name].data, c.files[name].err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		part("env "+name, []byte(c.env[name]), nil)
	}
	return hex.EncodeToString(h.Sum(nil))
}
