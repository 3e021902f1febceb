// Package frame finds the frames of a stream in bytes that arrive in pieces.
//
// It is pushed, never pulls: whoever receives a chunk hands it over, takes out
// the frames that are complete and comes back with the next chunk. Where the
// frames begin and end depends on the stream's bytes alone, never on how they
// were cut. It knows nothing of what the frames mean.
package frame

import "errors"

// What ends a stream before its time. There is no way on from any of them.
var (
	ErrTooLong = errors.New("stream frame over the limit")     // it grew over its bound before it ended
	ErrBroken  = errors.New("stream frame damaged")            // it cannot be what was sent
	ErrCut     = errors.New("stream cut in the middle of one") // it ended within a frame
)
