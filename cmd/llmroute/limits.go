package main

import (
	"log/slog"

	"llmroute/router/config"
	"llmroute/router/limit"
	"llmroute/translator/tokens"
)

// openLimits returns where budgets are kept: in Redis, or nil for this process
// alone.
func (f *sidecarFlags) openLimits(log *slog.Logger) (limit.Store, error) {
	if f.LimitsURL == "" {
		return nil, nil
	}
	down, err := limit.ParseWhenDown(f.LimitsDown)
	if err != nil {
		return nil, err
	}
	return limit.NewRedis(limit.RedisOptions{
		URL: string(f.LimitsURL), WhenDown: down,
		Changed: func(err error) {
			if err == nil {
				log.Info("the store of the rate limits is back")
				return
			}
			log.Error("the store of the rate limits cannot be asked", "when_down", down.String(), "error", err)
		},
	})
}

// loadTokens unpacks the vocabularies that the limits of c need, so that no
// request waits for them.
func loadTokens(c *config.Config) {
	for _, b := range c.Backends {
		if b.Otherwise != nil {
			tokens.For(string(b.Schema.Schema), b.ModelNameOverride).Load()
		}
		for _, m := range b.Settings {
			if l := &m.Limits; l.Input() > 0 || l.TokensPerMinute > 0 {
				name := m.Name
				if b.ModelNameOverride != "" {
					name = b.ModelNameOverride
				}
				tokens.For(string(b.Schema.Schema), name).Load()
			}
		}
	}
}
