package manifests

import _ "embed"

// Quickstart is the sample that needs no key and no file: what the command runs
// on when nothing else is configured.
//
//go:embed samples/quickstart.yaml
var Quickstart []byte
