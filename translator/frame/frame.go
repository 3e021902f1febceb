// Package frame finds the frames of a stream in bytes that arrive in pieces.
//
// It is pushed, never pulls: whoever receives a chunk hands it over, takes out
// the frames that are complete and comes back with the next chunk. Where the
// frames begin and end depends on the stream's bytes alone, never on how they
// were cut. It knows nothing of what the frames mean.
package frame

import "errors"

// ErrTooLong says that a frame grew over its bound before it ended.
var ErrTooLong = errors.New("stream frame over the limit")
