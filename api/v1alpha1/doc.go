// Package v1alpha1 holds the documents a person writes: LLMRoute, which sends
// requests to backends by the model they name, and LLMBackend, one provider
// endpoint.
//
// The CustomResourceDefinitions in manifests/crds are generated from these types,
// so a doc comment here is what kubectl explain prints and a marker is what an
// API server enforces; router/config/crd enforces the same without a server.
// A field is declared only once something acts on it: strict decoding then
// refuses what would otherwise be ignored.
//
// Nothing here has behaviour. Defaults are those of the schema, so a value that
// was decoded without passing through the schema may lack them.
//
// +kubebuilder:object:generate=true
// +groupName=aigateway.envoyproxy.io
// +versionName=v1alpha1
package v1alpha1

// GroupVersion is the apiVersion of every document of this package.
const GroupVersion = "aigateway.envoyproxy.io/v1alpha1"
