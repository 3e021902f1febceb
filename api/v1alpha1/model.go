package v1alpha1

import apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

// ModelSettings is what is to be said of one model of a backend.
type ModelSettings struct {
	// Limits bound what requests may ask of the model.
	//
	// +optional
	Limits *ModelLimits `json:"limits,omitempty"`

	// Parameters are the values of request fields that a request does not have. A
	// field that it has stays as it is, be it null. The fields model, messages and
	// stream are not among them.
	//
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Parameters map[string]apiextensionsv1.JSON `json:"parameters,omitempty"`

	// ContextWindowFallback is the model of the same backend that takes the requests
	// which are too long for this one, in place of a refusal.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	ContextWindowFallback string `json:"contextWindowFallback,omitempty"`
}

// ModelLimits bound what requests may ask of a model. A limit that is not there
// bounds nothing.
//
// +kubebuilder:validation:XValidation:rule="!has(self.maxInputTokens) || !has(self.contextWindow) || self.contextWindow > self.maxInputTokens",message="contextWindow must be larger than maxInputTokens"
type ModelLimits struct {
	// MaxInputTokens is the most tokens that a request may hold. The default is the
	// contextWindow.
	//
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxInputTokens int64 `json:"maxInputTokens,omitempty"`

	// ContextWindow is the most tokens that a request and the answer which it allows
	// may have together.
	//
	// +kubebuilder:validation:Minimum=1
	// +optional
	ContextWindow int64 `json:"contextWindow,omitempty"`

	// MaxOutputTokens is the longest answer that a request may allow; one which
	// allows more is lowered to it.
	//
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxOutputTokens int64 `json:"maxOutputTokens,omitempty"`

	// RequestsPerMinute is how many requests a minute the model takes.
	//
	// +kubebuilder:validation:Minimum=1
	// +optional
	RequestsPerMinute int64 `json:"requestsPerMinute,omitempty"`

	// TokensPerMinute is how many tokens a minute, of requests and answers, the model
	// takes.
	//
	// +kubebuilder:validation:Minimum=1
	// +optional
	TokensPerMinute int64 `json:"tokensPerMinute,omitempty"`
}
