// Package manifests carries the YAML that is shipped with the gateway, for the
// parts of it that read their own manifests: the CustomResourceDefinitions that
// documents are checked against.
//
// The files are the ones to apply to a cluster; nothing is derived from them here.
package manifests

import "embed"

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object crd paths=../api/v1alpha1 output:crd:dir=crds
//go:generate go run ./generate crds

// CRDs holds the definitions, each in a file crds/GROUP_PLURAL.yaml: ours,
// generated from api/v1alpha1, and the Gateway API's HTTPRoute as that project
// publishes it in its standard channel.
//
//go:embed crds/*.yaml
var CRDs embed.FS
