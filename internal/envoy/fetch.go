package envoy

import (
	"context"
	"errors"
)

type fetcher func(ctx context.Context, s Search) (Binary, error)

func (s Search) fetch(ctx context.Context) (Binary, error) {
	var tried []error
	for _, f := range s.fetchWith {
		b, err := f(ctx, s)
		if err == nil {
			return b, nil
		}
		tried = append(tried, err)
	}
	return Binary{}, errors.Join(tried...)
}
