package link

import (
	"context"
	"log/slog"
	"strings"

	"lockerd/daemon/bank"
)

// Status implements bank.Uplink. What the bank itself knows of acknowledgements
// is its to fill in.
func (l *Link) Status() bank.LinkStatus {
	keys, version := l.c.Trust.Keys()
	n := len(keys.All())
	l.mu.Lock()
	defer l.mu.Unlock()
	s := bank.LinkStatus{URL: l.c.URL, Connected: l.connected, Since: l.since, Keys: n, Trust: version, Error: l.fault}
	switch {
	case s.Error != "":
		s.Cure = cureOf(s.Error)
	case n == 0:
		s.Error, s.Cure = "no key is trusted: everything from above is refused", "set [trust] keys_file to the fleet's public keys, then lockerctl status again"
	}
	return s
}

// cureOf says what to do about an error of the session that names no cure itself.
func cureOf(text string) string {
	for _, c := range []struct{ word, cure string }{
		{"no such host", "check the host in [mqtt] url, and the board's DNS"},
		{"connection refused", "is the broker running, and the port in [mqtt] url right?"},
		{"network is unreachable", "check the board's network: ip route"},
		{"i/o timeout", "check the way to the broker: nc -vz HOST PORT"},
		{"certificate", "check ca_file, cert_file, key_file and the board's clock: lockerctl clock show"},
		{"not Authorized", "check username, password_file and the broker's ACL"},
		{"bad user name or password", "check username and password_file"},
		{"password_file", "put the password there, readable for lockerd"},
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(c.word)) {
			return c.cure
		}
	}
	return "journalctl -u lockerd says more"
}

// Watch returns a handler that hands every record on and remembers why the
// session has no connection, for lockerctl status.
func (l *Link) Watch(h slog.Handler) slog.Handler { return &watcher{h, l} }

type watcher struct {
	slog.Handler
	l *Link
}

// Enabled implements slog.Handler: a repeated failure is logged at debug level,
// and is still the latest.
func (w *watcher) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (w *watcher) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			w.l.mu.Lock()
			w.l.fault = a.Value.String()
			w.l.mu.Unlock()
		}
		return a.Key != "error"
	})
	if !w.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (w *watcher) WithAttrs(as []slog.Attr) slog.Handler {
	return &watcher{w.Handler.WithAttrs(as), w.l}
}

// WithGroup implements slog.Handler.
func (w *watcher) WithGroup(name string) slog.Handler {
	return &watcher{w.Handler.WithGroup(name), w.l}
}
