package telemetry

import (
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// lineLog writes one line per exchange, in the form of slog's JSON handler. The
// handler itself is not used, because it takes several times as long for as
// many values; what the fields are is known here in advance.
type lineLog struct {
	out   io.Writer // nil: no lines
	level slog.Leveler

	mu  sync.Mutex
	buf []byte
}

func (l *lineLog) init(out io.Writer, level slog.Leveler) {
	l.out, l.level = out, level
	if level == nil {
		l.level = slog.LevelInfo
	}
}

// write logs a record. An error of the writer has nowhere to go: the line is
// lost, the exchange is not.
func (l *lineLog) write(r *Record) {
	if l.out == nil {
		return
	}
	level := slog.LevelInfo
	if !r.ok() {
		level = slog.LevelWarn
	}
	if level < l.level.Level() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = appendLine(l.buf[:0], r, level)
	_, _ = l.out.Write(l.buf)
}

// appendLine appends the line of a record. Whatever the record holds, it is one
// line of valid JSON, and every text in it has a bounded length.
func appendLine(b []byte, r *Record, level slog.Level) []byte {
	b = append(b, '{')
	if !r.Start.IsZero() {
		b = append(b, `"time":"`...)
		b = r.Start.Add(r.Duration).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
		b = append(b, `",`...)
	}
	b = append(b, `"level":"`...)
	if level == slog.LevelWarn {
		b = append(b, `WARN","msg":"request"`...)
	} else {
		b = append(b, `INFO","msg":"request"`...)
	}
	b = appendText(b, "request_id", r.RequestID)
	b = appendText(b, "operation", r.Operation)
	b = appendText(b, "route", r.Route)
	b = appendText(b, "rule", r.Rule)
	b = appendText(b, "backend", r.Backend)
	b = appendText(b, "schema", r.Schema)
	b = appendText(b, "model_requested", r.ModelRequested)
	b = appendText(b, "model_upstream", r.ModelUpstream)
	b = appendText(b, "model_response", r.ModelResponse)
	b = appendInt(b, "status", int64(r.Status))
	b = appendText(b, "outcome", string(r.Outcome))
	if r.Stream {
		b = append(b, `,"stream":true`...)
	}
	b = appendText(b, "finish_reason", r.FinishReason)
	b = appendText(b, "error_type", r.ErrorType)
	b = appendText(b, "warnings", r.Warnings)
	b = appendInt(b, "attempts", int64(r.Attempts))
	b = appendInt(b, "input_tokens", r.InputTokens)
	b = appendInt(b, "cached_tokens", r.CachedTokens)
	b = appendInt(b, "cache_write_tokens", r.CacheWriteTokens)
	b = appendInt(b, "output_tokens", r.OutputTokens)
	b = appendInt(b, "reasoning_tokens", r.ReasoningTokens)
	b = appendInt(b, "total_tokens", r.TotalTokens)
	b = appendMillis(b, "duration_ms", r.Duration)
	b = appendMillis(b, "overhead_ms", r.Overhead)
	b = appendMillis(b, "ttft_ms", r.FirstToken)
	b = appendInt(b, "output_events", int64(r.OutputEvents))
	b = appendInt(b, "request_bytes", int64(r.RequestBytes))
	b = appendInt(b, "response_bytes", int64(r.ResponseBytes))
	return append(b, "}\n"...)
}

func appendKey(b []byte, key string) []byte {
	b = append(b, `,"`...)
	b = append(b, key...)
	return append(b, `":`...)
}

func appendInt(b []byte, key string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(appendKey(b, key), n, 10)
}

// appendMillis appends a duration in milliseconds, to the microsecond.
func appendMillis(b []byte, key string, d time.Duration) []byte {
	us := d.Microseconds()
	if us == 0 {
		return b
	}
	b = appendKey(b, key)
	if us < 0 { // a clock that was set back
		b, us = append(b, '-'), -us
	}
	b = strconv.AppendInt(b, us/1000, 10)
	if us %= 1000; us == 0 {
		return b
	}
	b = append(b, '.', byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// maxText bounds a text in a line. Request ids and model names are the
// client's, who may make them as long as a body.
const maxText = 256

func appendText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	cut := len(s) > maxText
	if cut {
		end := maxText
		for end > maxText-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	b = append(appendKey(b, key), '"')
	b = appendEscaped(b, s)
	if cut {
		b = append(b, "…"...)
	}
	return append(b, '"')
}

// appendEscaped appends s as the inside of a JSON string, bytes that are not
// UTF-8 as U+FFFD.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

// ok reports whether an exchange went as both sides wanted. A client that
// leaves has not been failed.
func (r *Record) ok() bool {
	return (r.Outcome == Complete && r.Status < 400) || r.Outcome == Aborted
}
