package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// furtherPaths reads the prefixes of the paths that a backend takes without a
// model. What no route decides, they must: each leads to one backend.
func (a *assembly) furtherPaths(d *document, prefixes []string) []string {
	var paths []string
	for i, p := range prefixes {
		at := fmt.Sprintf("spec.passthroughPaths[%d]", i)
		clean := strings.TrimRight(p, "/")
		if err := checkFurtherPath(clean); err != nil {
			a.failOn(d, at, err)
			continue
		}
		if first := a.paths[clean]; first != "" {
			a.fail(d.problem(at, fmt.Sprintf("%s is taken already at %s, and nothing else could tell the two apart", p, first)))
			continue
		}
		a.paths[clean] = d.source()
		paths = append(paths, clean)
	}
	slices.Sort(paths)
	return paths
}

// checkFurtherPath refuses what could be written in several ways: a prefix is
// compared with what a path means, once its escapes are undone.
func checkFurtherPath(path string) error {
	if path == "" {
		return errors.New("every path there is would be open: name those that clients need, such as /v1/files")
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, `%\;`) {
			return errors.New("must be a plain path, without escapes, empty segments and dots")
		}
	}
	return nil
}
