package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
)

const serveHelp = `Stores the events of all banks, answers their births, sends what they lack, and
answers the other verbs at a socket beside the state. Logs go to stderr. It ends
with SIGTERM or SIGINT (exit 0). While the state can't be written it is without a
connection, and says so. With --enrol it is also where boards enrol and renew: HTTPS
with a certificate of the CA that lockerctl enrol init has made.
systemd: Restart=always.`

const (
	requestMax = 1 << 20 // bytes
	stopTime   = 3 * time.Second
)

func serveVerb(fs *flag.FlagSet) action {
	enrolAt := fs.String("enrol", "", "`address` that boards enrol at, :8443; absent: none do")
	return func(ctx context.Context, c *call) error {
		if c.broker == "" {
			return ui.Usagef("--broker is missing (or $LOCKERCTL_BROKER)")
		}
		if _, _, err := net.SplitHostPort(*enrolAt); *enrolAt != "" && err != nil {
			return ui.Usagef("--enrol: write it as :8443, or with the address to listen at before it")
		}
		if err := c.check(); err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(c.stderr, nil))
		s, err := openStation(ctx, &c.globals, "", log)
		if err != nil {
			return err
		}
		s.be.Carry()
		l, err := listen(ctx, socketPath(c.state))
		if err != nil {
			return errors.Join(err, s.close())
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		enrolled, err := s.serveEnrolment(ctx, *enrolAt, stop)
		if err != nil {
			return errors.Join(err, l.Close(), s.close())
		}
		c.wrote = true
		ui.Emit(c.out, "ready socket=%s\n", socketPath(c.state))
		if err := c.out.Flush(); err != nil {
			return errors.Join(err, l.Close(), enrolled(), s.close())
		}
		err = s.serve(ctx, l)
		return errors.Join(err, enrolled(), s.close())
	}
}

// serveEnrolment answers boards at an address until ctx ends or end is called. If it can't any
// more it calls stop: a serve that only seems whole is not started again.
func (s *station) serveEnrolment(ctx context.Context, at string, stop func()) (end func() error, err error) {
	if at == "" {
		return func() error { return nil }, nil
	}
	a, e, err := s.authority()
	if err != nil {
		return nil, err
	}
	if err := a.WriteCRL(); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", at)
	if err != nil {
		return nil, fail("cannot listen for boards at %s: %s", "is another process there, may this user use the port?", at, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		err := a.Serve(ctx, l, []string{e.host()})
		if err != nil {
			stop()
		}
		done <- err
	}()
	return func() error { cancel(); return <-done }, nil
}

// listen makes the socket, in place of one that a dead process has left: the state's
// lock is ours.
func listen(ctx context.Context, path string) (net.Listener, error) {
	if len(path) > socketMax {
		return nil, fail("cannot listen at %s: the name is longer than %d bytes", "put the state somewhere shorter: --state", path, socketMax)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fail("cannot listen at %s: %s", "remove it by hand", path, err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fail("cannot listen at %s: %s", "may this user write there?", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serve answers at the socket until ctx ends.
func (s *station) serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:     s,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ReadTimeout: 10 * time.Second,
	}
	done := make(chan error, 1)
	go func() { done <- h.Serve(l) }()
	select {
	case <-ctx.Done():
	case err := <-done:
		return err
	}
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return h.Shutdown(sctx)
}

// ServeHTTP answers POST /v1/OPERATION.
func (s *station) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	do, ok := operations()[filepath.Base(r.URL.Path)]
	if !ok || r.Method != http.MethodPost {
		s.answer(w, http.StatusNotFound, &failure{Text: "there is no such operation", Cure: "use one version of lockerctl for both"})
		return
	}
	in, err := io.ReadAll(http.MaxBytesReader(w, r.Body, requestMax))
	if err != nil {
		s.answer(w, http.StatusBadRequest, &failure{Text: "cannot read the request: " + err.Error()})
		return
	}
	out, err := do(r.Context(), s, in)
	if errors.Is(err, context.Canceled) { // or by who asked, who hears nothing any more
		err = serveEnded()
	}
	if err != nil {
		s.answer(w, http.StatusConflict, failureOf(err))
		return
	}
	s.answer(w, http.StatusOK, out)
}

func failureOf(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*bank.Error](err); ok {
		return &failure{Text: e.Text, Cure: e.Cure}
	}
	return &failure{Text: err.Error()} // a *backend.RefusedError says itself what to do
}

func (s *station) answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"cannot write the answer"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever asked may be gone
}
