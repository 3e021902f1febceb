package v1alpha1

// Translation settles what is left open where a backend's API differs from the
// client's. What is not said here follows from the schema and the endpoint.
type Translation struct {
	// UnsupportedParameters says what becomes of parameters that the backend has
	// no equal of. Without it, those that change the meaning of the answer are
	// refused and the others are dropped with a warning. "reject" refuses also
	// those whose loss may be felt; "drop" drops, with a warning, whatever can be.
	//
	// +kubebuilder:validation:Enum=reject;drop
	// +optional
	UnsupportedParameters string `json:"unsupportedParameters,omitempty"`

	// MaxTokensField is the name by which the backend knows the token limit of a
	// chat. A limit under the other name is renamed; without this the client's name
	// stays, unless the version of the API is known not to have it.
	//
	// +kubebuilder:validation:Enum=max_tokens;max_completion_tokens
	// +optional
	MaxTokensField string `json:"maxTokensField,omitempty"`

	// ReasoningField is the name by which a backend with an OpenAI API takes the
	// reasoning text of earlier answers back. The default, keep, leaves the
	// client's.
	//
	// +kubebuilder:validation:Enum=reasoning_content;reasoning;keep
	// +optional
	ReasoningField string `json:"reasoningField,omitempty"`

	// HistoryExtras says whether a backend with an OpenAI API is sent the members
	// of earlier answers that carry what other backends want back:
	// reasoning_details, thinking_blocks and extra_content. The default is strip
	// for OpenAI and Azure, and keep for other servers.
	//
	// +kubebuilder:validation:Enum=keep;strip
	// +optional
	HistoryExtras string `json:"historyExtras,omitempty"`
}
