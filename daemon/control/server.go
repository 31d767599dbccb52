package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"lockerd/hal"
)

// Deadlines. The last two together stay below the five seconds the daemon has
// for its end.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 30 * time.Second
	streamStall   = 10 * time.Minute // a reader of events that takes nothing this long is dropped: pagers pause
	drainTime     = 2 * time.Second  // for requests under way when the daemon stops
	abortTime     = time.Second      // more, after their contexts have ended
)

const (
	maxHeader = 8 << 10
	maxBody   = 16 << 10
)

// Server answers at the control socket.
type Server struct {
	bank  Bank
	buses map[string]hal.Tracer
	log   *slog.Logger
	mux   *http.ServeMux
	stop  chan struct{} // closed when Serve begins to end: streams end then

	bundle func(context.Context) ([]byte, error)  // nil: there is none
	backup func(context.Context, io.Writer) error // nil: there is none

	readTimeout time.Duration // for a request, its body included
	drainTime   time.Duration
}

// New returns a server for the bank. It serves once.
func New(b Bank, log *slog.Logger) *Server {
	s := &Server{
		bank: b, log: log, mux: http.NewServeMux(), stop: make(chan struct{}),
		readTimeout: readTimeout, drainTime: drainTime,
	}
	s.routes()
	return s
}

// Serve answers on l until ctx is done, then ends orderly: streams end, other
// requests have two seconds to finish, l is closed. It returns nil after that,
// and an error only if the socket failed before.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	requests, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       s.readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       remember,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(newLimiter(l)) }()
	select {
	case err := <-failed:
		close(s.stop)
		abort()
		_ = srv.Close()
		return fmt.Errorf("cannot serve the control socket: %w", err)
	case <-ctx.Done():
	}
	close(s.stop)
	s.drain(requests, srv, abort)
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve the control socket: %w", err)
	}
	return nil
}

// drain ends srv: first by waiting, then by ending the requests' contexts, then
// by closing their connections.
func (s *Server) drain(ctx context.Context, srv *http.Server, abort context.CancelFunc) {
	if shutdown(context.WithoutCancel(ctx), srv, s.drainTime) == nil {
		return
	}
	abort()
	if err := shutdown(context.WithoutCancel(ctx), srv, abortTime); err != nil {
		s.log.Warn("control: requests cut off at the end", slog.String("error", err.Error()))
		_ = srv.Close()
	}
}

func shutdown(ctx context.Context, srv *http.Server, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return srv.Shutdown(ctx)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if whoIs(r.Context()).over {
		w.Header().Set("Connection", "close")
		s.refuse(w, r, tooMany())
		return
	}
	_, pattern := s.mux.Handler(r)
	if pattern == "" {
		s.refuse(w, r, s.noRoute(r))
		return
	}
	s.mux.ServeHTTP(w, r)
}

// untilStop derives a context that also ends when the daemon stops.
func (s *Server) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	finished := make(chan struct{})
	go func() {
		select {
		case <-s.stop:
			cancel(errStopping)
		case <-finished:
		}
	}()
	return ctx, func() { close(finished); cancel(context.Canceled) }
}

var errStopping = errors.New("lockerd is stopping")
