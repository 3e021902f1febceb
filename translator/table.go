package translator

import (
	"llmroute/translator/anthropic"
	"llmroute/translator/bedrock"
	"llmroute/translator/chat"
	"llmroute/translator/openai"
)

// The dialects of chat there are, and who speaks them. A further one is a room
// of its own and a line here.

var clients = map[Schema]chat.Client{
	OpenAI: openai.Dialect{},
}

var backends = map[Schema]chat.Backend{
	Anthropic:    anthropic.Direct,
	AWSAnthropic: anthropic.Bedrock,
	GCPAnthropic: anthropic.Vertex,
	AWSBedrock:   bedrock.Dialect{},
}
