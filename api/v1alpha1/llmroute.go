package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// ModelHeader is the request header that carries the model's name, read from the
// body, into routing. Clients need not send it, and what they send does not count.
const ModelHeader = "x-envoy-ai-gateway-llm-model"

// LLMRoute sends requests to backends by what stands in them, above all the
// model. It is written in one of three forms: with its own rules, with an
// HTTPRoute inside, or with the name of an HTTPRoute.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=llmroute
// +kubebuilder:printcolumn:name="Schema",type=string,JSONPath=`.spec.inputSchema.schema`
// +kubebuilder:printcolumn:name="HTTPRoute",type=string,JSONPath=`.spec.httpRouteRef.name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type LLMRoute struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec describes the route.
	//
	// +required
	Spec LLMRouteSpec `json:"spec"`
}

// LLMRouteList is a list of LLMRoutes.
//
// +kubebuilder:object:root=true
type LLMRouteList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LLMRoute `json:"items"`
}

// LLMRouteSpec describes a route. Exactly one of httpRouteRef, httpRoute and
// rules says where requests go.
//
// +kubebuilder:validation:ExactlyOneOf=httpRouteRef;httpRoute;rules
type LLMRouteSpec struct {
	// InputSchema is the API that clients speak.
	//
	// +kubebuilder:validation:XValidation:rule="self.schema == 'OpenAI'"
	// +required
	APISchema InputSchema `json:"inputSchema"`

	// HTTPRouteRef names the HTTPRoute that decides.
	//
	// +optional
	HTTPRouteRef *HTTPRouteRef `json:"httpRouteRef,omitempty"`

	// HTTPRoute is the spec of an HTTPRoute that decides. Headers are matched
	// exactly; regular expressions are refused.
	//
	// +kubebuilder:validation:XValidation:rule="!has(self.rules) || self.rules.all(r, !has(r.matches) || r.matches.all(m, !has(m.headers) || m.headers.all(h, h.type != 'RegularExpression')))",message="currently only exact match is supported"
	// +optional
	HTTPRoute *gatewayv1.HTTPRouteSpec `json:"httpRoute,omitempty"`

	// Rules decide by header alone. Among those that match, the one with more
	// headers wins, then the earlier one.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	Rules []LLMRouteRule `json:"rules,omitempty"`

	// ParentRefs are the Gateways that the route is meant for. They are accepted
	// and not needed: the gateway serves every route it is given.
	//
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	ParentRefs []gatewayv1.ParentReference `json:"parentRefs,omitempty"`

	// TargetRefs are an older spelling of parentRefs.
	//
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	TargetRefs []gatewayv1.LocalPolicyTargetReferenceWithSectionName `json:"targetRefs,omitempty"`
}

// HTTPRouteRef names an HTTPRoute.
type HTTPRouteRef struct {
	// Name is the name of the HTTPRoute.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Namespace is the namespace of the HTTPRoute. The default, and all that is
	// allowed, is the LLMRoute's own.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// LLMRouteRule sends the requests that match to its backends.
type LLMRouteRule struct {
	// BackendRefs share the requests by weight. Without any, requests that match
	// are answered with status 500.
	//
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	BackendRefs []LLMRouteBackendRef `json:"backendRefs,omitempty"`

	// Matches are alternatives. A rule without any matches every request.
	//
	// +kubebuilder:validation:MaxItems=128
	// +listType=atomic
	// +optional
	Matches []LLMRouteMatch `json:"matches,omitempty"`
}

// LLMRouteBackendRef is one backend of a rule and its share.
type LLMRouteBackendRef struct {
	// Name is the name of an LLMBackend in the same namespace.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Weight is the backend's part of the sum of all weights of the rule; 0 sends
	// it nothing.
	//
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	Weight *int32 `json:"weight,omitempty"`
}

// LLMRouteMatch is a set of conditions that must all hold.
type LLMRouteMatch struct {
	// Headers that a request must have, the model's name among them.
	//
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(match, match.type != 'RegularExpression')",message="currently only exact match is supported"
	// +listType=map
	// +listMapKey=name
	// +optional
	Headers []gatewayv1.HTTPHeaderMatch `json:"headers,omitempty"`
}
