package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LLMBackend is one provider endpoint: where it is, which API it speaks and how
// it wants to be authenticated to. Routes refer to it by name.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=llmroute
// +kubebuilder:printcolumn:name="Schema",type=string,JSONPath=`.spec.outputSchema.schema`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.spec.endpoint`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type LLMBackend struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec describes the backend.
	//
	// +required
	Spec LLMBackendSpec `json:"spec"`
}

// LLMBackendList is a list of LLMBackends.
//
// +kubebuilder:object:root=true
type LLMBackendList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LLMBackend `json:"items"`
}

// LLMBackendSpec describes a backend. Exactly one of endpoint, backendRef and
// cluster says where it is.
//
// +kubebuilder:validation:ExactlyOneOf=endpoint;backendRef;cluster
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.endpoint) || self.endpoint.startsWith('https://')",message="tls needs an https endpoint"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.cluster)",message="tls of a named cluster belongs in the cluster's own definition"
// +kubebuilder:validation:XValidation:rule="!has(self.http2) || !self.http2 || (has(self.endpoint) && self.endpoint.startsWith('http://')) || (has(self.backendRef) && !has(self.tls))",message="http2 is for plain text only: over TLS the version is negotiated, and a named cluster sets its own"
// +kubebuilder:validation:XValidation:rule="!has(self.cluster) || !has(self.auth) || self.auth.type != 'AWSSigV4'",message="auth type AWSSigV4 needs endpoint or backendRef: a signature covers the name of the host, and only a cluster of somebody else's knows its own"
// +kubebuilder:validation:XValidation:rule="!has(self.outputSchema.prefix) || !has(self.endpoint) || self.endpoint.matches('^https?://[^/]*/?$')",message="the path is given twice: in endpoint and in outputSchema.prefix"
// +kubebuilder:validation:XValidation:rule="!has(self.defaultModel) || !has(self.models) || size(self.models) == 0 || self.defaultModel in self.models",message="defaultModel must be one of models"
// +kubebuilder:validation:XValidation:rule="!has(self.strictModels) || !self.strictModels || (has(self.models) && size(self.models) > 0)",message="strictModels needs models"
type LLMBackendSpec struct {
	// OutputSchema is the API that the backend speaks.
	//
	// +required
	APISchema OutputSchema `json:"outputSchema"`

	// Endpoint is the backend's URL: https://host[:port][/base]. A base path other
	// than "/" replaces the default prefix of the schema, so that
	// https://api.openai.com and https://api.openai.com/v1 are equal.
	//
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && self.matches('^https?://[^/?#@[:space:][:cntrl:]]+(/[^?#[:space:][:cntrl:]]*)?$') && url(self).getHostname() != ''",message="must be http://host[:port][/base] or https://host[:port][/base], without user, query and fragment"
	// +optional
	Endpoint string `json:"endpoint,omitempty"`

	// BackendRef is a Kubernetes Service that is the backend.
	//
	// +optional
	BackendRef *ServiceRef `json:"backendRef,omitempty"`

	// Cluster is the name of an Envoy cluster that somebody else defines. How it is
	// reached, TLS included, is then that cluster's business.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	// +optional
	Cluster string `json:"cluster,omitempty"`

	// GCP says where in Google Cloud the backend is; the schemas of Vertex AI need it.
	//
	// +optional
	GCP *GoogleCloud `json:"gcp,omitempty"`

	// Auth is how the backend wants to be authenticated to. Without it the
	// client's own credentials are taken off and none are sent.
	//
	// +optional
	Auth *BackendAuth `json:"auth,omitempty"`

	// TLS sets what an https endpoint is checked against; without it that is the
	// endpoint's host name and the system's roots. Given beside backendRef, even
	// empty, it asks for TLS.
	//
	// +optional
	TLS *BackendTLS `json:"tls,omitempty"`

	// HTTP2 says that a plain-text backend speaks HTTP/2 without being asked.
	// Over TLS the version is negotiated and this stays unset.
	//
	// +optional
	HTTP2 bool `json:"http2,omitempty"`

	// ModelNameOverride is the model name that the provider sees, whatever the
	// client called it.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	ModelNameOverride string `json:"modelNameOverride,omitempty"`

	// HeaderMutation has the last word on the headers that are sent.
	//
	// +optional
	HeaderMutation *HeaderMutation `json:"headerMutation,omitempty"`

	// BodyMutation has the last word on the JSON body that is sent.
	//
	// +optional
	BodyMutation *BodyMutation `json:"bodyMutation,omitempty"`

	// Translation settles what is left open where the backend's API differs from
	// the client's.
	//
	// +optional
	Translation *Translation `json:"translation,omitempty"`

	// Timeout is how long response headers may take and, when the answer is not
	// streamed, the whole of it. The default is 120s.
	//
	// +kubebuilder:validation:XValidation:rule="self.matches('[1-9]')",message="must be longer than 0s"
	// +optional
	Timeout Duration `json:"timeout,omitempty"`

	// IdleTimeout is the longest silence within a streamed answer.
	//
	// +kubebuilder:validation:XValidation:rule="self.matches('[1-9]')",message="must be longer than 0s"
	// +optional
	IdleTimeout Duration `json:"idleTimeout,omitempty"`

	// MaxRetries is how often a request is tried again after the first try failed.
	//
	// +kubebuilder:validation:Minimum=0
	// +optional
	MaxRetries int32 `json:"maxRetries,omitempty"`

	// RetryDelay is the pause between tries. The default is 1s.
	//
	// +optional
	RetryDelay *Duration `json:"retryDelay,omitempty"`

	// Models are the models that the backend is known to serve, by the names under
	// which clients ask for them, with what is to be said of each. They are listed
	// to clients and restrict nothing unless strictModels is set.
	//
	// +kubebuilder:validation:MaxProperties=1024
	// +kubebuilder:validation:XValidation:rule="self.all(name, size(name) > 0 && size(name) <= 256)",message="a model's name has 1 to 256 characters"
	// +optional
	Models map[string]ModelSettings `json:"models,omitempty"`

	// DefaultModel is the model of requests that name none. Where there are models,
	// it is one of them.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	DefaultModel string `json:"defaultModel,omitempty"`

	// StrictModels refuses every model that models does not name.
	//
	// +optional
	StrictModels bool `json:"strictModels,omitempty"`

	// Addressable lets clients choose the backend by themselves with the model
	// name "backend:model".
	//
	// +optional
	Addressable bool `json:"addressable,omitempty"`

	// PassthroughPaths are prefixes of further paths of this backend that clients
	// may reach.
	//
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:items:Pattern=`^/[^?#\s]*$`
	// +listType=set
	// +optional
	PassthroughPaths []string `json:"passthroughPaths,omitempty"`
}

// Duration is a time such as "30s", "1m30s" or "500ms", as the Gateway API
// writes it; time.ParseDuration reads it.
//
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(h|m|s|ms)){1,4}$`
type Duration string

// ServiceRef names a port of a Kubernetes Service, reached as
// name.namespace.svc.
type ServiceRef struct {
	// Name is the name of the Service.
	//
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +required
	Name string `json:"name"`

	// Namespace is the namespace of the Service. The default, and all that is
	// allowed, is the LLMBackend's own.
	//
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Port is the port of the Service.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +required
	Port int32 `json:"port"`
}

// BackendTLS says what proves a backend's identity and, when it asks, ours.
// Files are read by Envoy, on Envoy's host.
//
// +kubebuilder:validation:XValidation:rule="has(self.clientCertFile) == has(self.clientKeyFile)",message="clientCertFile and clientKeyFile go together"
type BackendTLS struct {
	// CAFile holds the certificates, as PEM, that the backend's must lead to. The
	// default is the system's roots.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	CAFile string `json:"caFile,omitempty"`

	// ServerName is the name that the backend's certificate must have and that is
	// asked for. The default is the endpoint's host.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$`
	// +optional
	ServerName string `json:"serverName,omitempty"`

	// ClientCertFile holds our own certificate and its chain, as PEM.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	ClientCertFile string `json:"clientCertFile,omitempty"`

	// ClientKeyFile holds the key of our certificate, as PEM.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	ClientKeyFile string `json:"clientKeyFile,omitempty"`
}

// HeaderMutation removes headers, then sets others.
type HeaderMutation struct {
	// Set replaces all fields of each name by one.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Set []HeaderValue `json:"set,omitempty"`

	// Remove takes all fields of each name off.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=set
	// +optional
	Remove []HeaderName `json:"remove,omitempty"`
}

// HeaderName is the name of a header that a backend may have changed. Those that
// frame the message or that the gateway routes by are not among them.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$"
// +kubebuilder:validation:XValidation:rule="!(self.lowerAscii() in ['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'keep-alive'])",message="this header frames the message and is not for changing"
// +kubebuilder:validation:XValidation:rule="!self.lowerAscii().startsWith('x-envoy-') && !self.lowerAscii().startsWith('x-llmroute-')",message="headers of Envoy and of the gateway are not for changing"
type HeaderName string

// HeaderValue is a header to set.
type HeaderValue struct {
	// Name is the name of the header, in any case.
	//
	// +required
	Name HeaderName `json:"name"`

	// Value is the value of the header.
	//
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x08\\\\x0a-\\\\x1f\\\\x7f]')",message="must not hold control characters"
	// +required
	Value string `json:"value"`
}

// BodyMutation removes fields of a JSON body, then sets others.
type BodyMutation struct {
	// Set writes each value at its path.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=path
	// +optional
	Set []BodyField `json:"set,omitempty"`

	// Remove takes what stands at each path out.
	//
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +listType=set
	// +optional
	Remove []string `json:"remove,omitempty"`
}

// BodyField is a value to write into a JSON body.
type BodyField struct {
	// Path leads to the value: names, and positions in arrays, joined by dots, such
	// as "stop.0"; a dot within a name is written "\.".
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +required
	Path string `json:"path"`

	// Value is any JSON value, null included.
	//
	// +nullable
	// +required
	Value apiextensionsv1.JSON `json:"value"`
}
