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

	// LateSystem says what becomes of system messages behind the first user
	// message: native leaves them in their places where the model takes them there;
	// user makes them the user's words, hoist moves them to the front, both with a
	// warning; reject refuses the request. The default is what the provider does
	// best.
	//
	// +kubebuilder:validation:Enum=native;user;hoist;reject
	// +optional
	LateSystem string `json:"lateSystem,omitempty"`

	// ReasoningText says whether a provider that tells its reasoning only when
	// asked is asked. The default, auto, asks for clients that sent a
	// reasoning_effort.
	//
	// +kubebuilder:validation:Enum=auto;always;never
	// +optional
	ReasoningText string `json:"reasoningText,omitempty"`

	// DefaultMaxTokens is the token limit of requests that name none, where the
	// provider requires one.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	// +optional
	DefaultMaxTokens int32 `json:"defaultMaxTokens,omitempty"`

	// ModelFamily names a model, such as "claude-sonnet-4-5", whose habits those of
	// this backend have, where their own names do not tell: deployments, ARNs.
	//
	// +kubebuilder:validation:MaxLength=128
	// +optional
	ModelFamily string `json:"modelFamily,omitempty"`

	// Rerank says in whose words reranking is asked for. At a backend of schema
	// OpenAI it is jina, tei, vllm or voyage; without it the client's request and
	// the answer are passed on as they are. At one of schema AWSBedrock,
	// agent-runtime is Bedrock's Rerank API, with an endpoint of its own; without
	// it the model is invoked.
	//
	// +kubebuilder:validation:Enum=agent-runtime;jina;tei;vllm;voyage
	// +optional
	Rerank string `json:"rerank,omitempty"`
}

// GoogleCloud says where in Google Cloud a backend is.
type GoogleCloud struct {
	// Project is the id of the project.
	//
	// +kubebuilder:validation:Pattern=`^[a-z0-9:.-]{1,64}$`
	Project string `json:"project"`

	// Location is the region, or "global", "us", "eu".
	//
	// +kubebuilder:validation:Pattern=`^[a-z0-9-]{1,64}$`
	Location string `json:"location"`
}
