package config

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How a change is noticed. An editor or a package manager writes several files
// in a row, so the first event waits for the others; the poll finds what events
// miss, as on network file systems.
const (
	settleTime   = 100 * time.Millisecond
	pollInterval = 10 * time.Second
	// blindInterval is the poll's when the system gives out no watches.
	blindInterval = time.Second
)

// Watch loads o again whenever what it names has changed, key files included,
// until ctx ends, and then returns nil. It calls changed with each new Config,
// or with the Problems of a new broken state, from one goroutine, never twice
// for the same content. first is what is in force at the start; nil means that
// anything is news.
//
// Folders are watched, not files: Kubernetes replaces a mounted folder's files
// by moving one link. Every few seconds the content is compared as well.
func Watch(ctx context.Context, o Options, first *Config, changed func(*Config, error)) error {
	w := watcher{options: o, changed: changed}
	if first != nil {
		w.told = first.Hash
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		// Systems give out few watchers, and others may have taken them all.
		w.run(ctx, nil)
		return nil
	}
	w.run(ctx, notify)
	if err := notify.Close(); err != nil {
		return fmt.Errorf("watch configuration: %w", err)
	}
	return nil
}

type watcher struct {
	options Options
	changed func(*Config, error)
	told    string // hash of the state that changed has been told of

	// consulted is of the last load, to know without another one whether the
	// content is still the same.
	consulted *consulted
	notify    *fsnotify.Watcher // nil when there is none to be had
}

// run notices changes by notify, and by polling alone when that is nil.
func (w *watcher) run(ctx context.Context, notify *fsnotify.Watcher) {
	interval := blindInterval
	var events <-chan fsnotify.Event
	var faults <-chan error
	if notify != nil {
		interval, events, faults = pollInterval, notify.Events, notify.Errors
	}
	w.notify = notify
	poll := time.NewTicker(interval)
	defer poll.Stop()

	// Armed by the first event and not again by those that follow: a folder
	// that never rests must not put off the reload for ever.
	settle := time.NewTimer(0)
	defer settle.Stop()
	armed := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			if !armed {
				settle.Reset(settleTime)
				armed = true
			}
			continue
		case <-faults: //nolint:errcheck // whatever was missed, the check finds
		case <-poll.C:
		case <-settle.C:
			armed = false
		}
		w.check()
	}
}

// check loads again if the content is not what it was.
func (w *watcher) check() {
	read := readInputs(w.options)
	if w.watch(read) {
		// What changed before the new watches were set is seen by reading again.
		read = readInputs(w.options)
	}
	if w.consulted != nil && read.hash(w.options, w.consulted.again()) == w.told {
		return
	}
	a := assemble(w.options, read)
	w.consulted = a.consulted
	w.watch(read)
	if a.hash == w.told {
		return
	}
	w.told = a.hash
	if len(a.problems) > 0 {
		w.changed(nil, a.problems)
		return
	}
	w.changed(a.config, nil)
}

// watch watches the folders of what was read and of the key files, and no
// others. It reports whether one is new.
func (w *watcher) watch(read *inputs) bool {
	if w.notify == nil {
		return false
	}
	want := maps.Clone(read.dirs)
	if w.consulted != nil {
		for name := range w.consulted.files {
			want[resolve(filepath.Dir(name))] = true
			want[filepath.Dir(resolve(name))] = true
		}
	}
	// Asked of the watcher itself: it drops a folder that was removed, and one of
	// the same name needs a new watch.
	have := w.notify.WatchList()
	for _, dir := range have {
		if !want[dir] {
			_ = w.notify.Remove(dir) // fails only when it is gone already
		}
	}
	added := false
	for dir := range want {
		if !slices.Contains(have, dir) && w.notify.Add(dir) == nil {
			added = true
		}
	}
	return added
}
