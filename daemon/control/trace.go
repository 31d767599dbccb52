package control

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockerd/daemon/bank"
	"lockerd/hal"
)

// TraceLine is one frame on the line of a bus, as /v1/trace tells it.
type TraceLine struct {
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Bus   string    `json:"bus"`
	Dir   string    `json:"dir"`   // out or in
	Kind  string    `json:"kind"`  // request, reply, foreign, report, echo, garbage, silence
	Hex   string    `json:"hex"`   // bytes apart by spaces; at most the first 80
	Means string    `json:"means"` // in the words of the boards' family
}

// Watch lets the lines of these buses be watched. It is to be called before
// Serve.
func (s *Server) Watch(buses map[string]hal.Tracer) { s.buses = buses }

// trace streams the frames of one bus: those that are kept, and those to come.
func (s *Server) trace(w http.ResponseWriter, r *http.Request) {
	q, err := query(r, "bus", "from", "last", "follow")
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	name, bus, err := s.traced(q.Get("bus"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	from, follow, err := beginning(q)
	if err == nil && q.Get("last") != "" {
		from, err = lastFrames(bus, q.Get("last"))
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.send(w, r, &watched{name, bus}, from, follow)
}

// traced finds the bus that is meant: of one alone it need not be said.
func (s *Server) traced(name string) (string, hal.Tracer, error) {
	names := slices.Sorted(maps.Keys(s.buses))
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if bus := s.buses[name]; bus != nil {
		return name, bus, nil
	}
	cure := "this bank has no bus that can be watched"
	if len(names) > 0 {
		cure = "give one of " + strings.Join(names, ", ")
	}
	if name == "" {
		return "", nil, invalid("cannot tell which bus is meant", cure)
	}
	return "", nil, &bank.Error{Code: CodeNotFound, Text: fmt.Sprintf("cannot watch bus %.40q: there is no such bus on a serial line", name), Cure: cure}
}

// lastFrames returns where the last n frames that are kept begin.
func lastFrames(bus hal.Tracer, n string) (uint64, error) {
	last, err := strconv.ParseUint(n, 10, 31)
	if err != nil {
		return 0, invalid(fmt.Sprintf("cannot begin %.40q frames before the end", n), "give a whole number")
	}
	kept := bus.Trace(0, 1<<31-1)
	if len(kept) == 0 {
		return 0, nil
	}
	return kept[len(kept)-1].Seq + 1 - min(uint64(len(kept)), last), nil
}

// watched is the trace of a bus as lines of a stream.
type watched struct {
	name string
	bus  hal.Tracer
}

// Traced returns the frames that are kept of a bus's line, each as the JSON of a
// TraceLine.
func Traced(name string, bus hal.Tracer) ([][]byte, error) {
	return (&watched{name, bus}).Events(context.Background(), 0, 1<<31-1)
}

// Events implements source.
func (t *watched) Events(_ context.Context, from uint64, most int) ([][]byte, error) {
	var out [][]byte
	for _, f := range t.bus.Trace(from, most) {
		l := TraceLine{Seq: f.Seq, At: f.At.UTC().Round(time.Microsecond), Bus: t.name, Dir: "in", Kind: f.Kind, Hex: fmt.Sprintf("% X", f.Bytes), Means: f.Text}
		if f.Kind == hal.FrameRequest {
			l.Dir = "out"
		}
		b, err := json.Marshal(l)
		if err != nil {
			return nil, fmt.Errorf("cannot write frame %d: %w", f.Seq, err)
		}
		out = append(out, b)
	}
	return out, nil
}

// Wait implements source.
func (t *watched) Wait(ctx context.Context, next uint64) error { return t.bus.Traced(ctx, next) }
