package wire

import (
	"encoding/base64"
	"errors"
	"fmt"

	"lockerd/daemon/locker"
	"lockerd/sync/wire/internal/strict"
)

var (
	statePlan  = strict.Compile[State](nil)
	doorsPlan  = strict.Compile[Doors](nil)
	stockPlan  = strict.Compile[Stock](nil)
	healthPlan = strict.Compile[Health](nil)
	eventsPlan = strict.Compile[Events](nil)
	replyPlan  = strict.Compile[Reply](nil)
	getPlan    = strict.Compile[Get](nil)
	bundlePlan = strict.Compile[Bundle](nil)
)

// DecodeState reads TopicState: a birth, or a death.
func DecodeState(b []byte) (State, error) {
	m, err := decode(statePlan, "state", b, MaxUp)
	if err == nil {
		err = check("state", m.V, m.birth())
	}
	return m, err
}

// birth says what a birth lacks.
func (s *State) birth() string {
	switch {
	case s.Status == Offline:
		return ""
	case s.Status != Online:
		return "status: must be online or offline"
	case s.At.IsZero() || s.Clock == "" || s.Nonce == "" || s.Journal == nil:
		return "at, clock, nonce and journal: must stand in a birth"
	}
	return ""
}

// DecodeDoors reads TopicDoors.
func DecodeDoors(b []byte) (Doors, error) {
	m, err := decode(doorsPlan, "doors", b, MaxUp)
	if err == nil {
		err = check("doors", m.V, "")
	}
	return m, err
}

// DecodeStock reads TopicStock.
func DecodeStock(b []byte) (Stock, error) {
	m, err := decode(stockPlan, "stock", b, MaxUp)
	if err == nil {
		err = check("stock", m.V, "")
	}
	return m, err
}

// DecodeHealth reads TopicHealth.
func DecodeHealth(b []byte) (Health, error) {
	m, err := decode(healthPlan, "health", b, MaxUp)
	if err == nil {
		err = check("health", m.V, "")
	}
	return m, err
}

// DecodeEvents reads TopicEvents. The events are the bytes as they were sent, so
// that their hashes can be checked; what is in them is not judged.
func DecodeEvents(b []byte) (Events, error) {
	m, err := decode(eventsPlan, "events", b, MaxAlone)
	if err == nil && len(b) > MaxBatch && len(m.Events) > 1 {
		return m, fmt.Errorf("cannot read events: %d in %d bytes: a batch of more than one has at most %d; ignore it", len(m.Events), len(b), MaxBatch)
	}
	if err == nil {
		err = check("events", m.V, m.bounds())
	}
	return m, err
}

func (e *Events) bounds() string {
	if len(e.Events) < 1 || len(e.Events) > MaxEvents {
		return fmt.Sprintf("events: must be 1 to %d", MaxEvents)
	}
	for i, v := range e.Events {
		if v[0] != '{' {
			return fmt.Sprintf("events[%d]: must be an object", i)
		}
	}
	return ""
}

// DecodeReply reads TopicReply.
func DecodeReply(b []byte) (Reply, error) {
	m, err := decode(replyPlan, "reply", b, MaxUp)
	if err == nil {
		err = check("reply", m.V, "")
	}
	return m, err
}

// DecodeGet reads TopicGet.
func DecodeGet(b []byte) (Get, error) {
	m, err := decode(getPlan, "get", b, MaxUp)
	if err == nil {
		err = check("get", m.V, m.bounds())
	}
	return m, err
}

func (g *Get) bounds() string {
	switch {
	case validSet(g.Set) == "":
		return "set: must be * or a tenant's name"
	case g.Epoch < 0 || g.From < 0 || g.To < 0 || g.Chunk < 0:
		return "epoch, from, to and chunk: must not be below 0"
	case !printable(g.Nonce):
		return "nonce: must be 1 to 64 visible ASCII characters"
	}
	return ""
}

// DecodeBundle reads TopicBundle. Its Piece is sound.
func DecodeBundle(b []byte) (Bundle, error) {
	m, err := decode(bundlePlan, "bundle", b, MaxUp)
	if err == nil {
		_, why := m.Piece()
		err = check("bundle", m.V, why)
	}
	return m, err
}

var sha256Form = locker.NewForm(`^[0-9a-f]{64}$`)

// Piece returns the bytes of the chunk, or why they can't be part of the whole.
func (m *Bundle) Piece() (piece []byte, why string) {
	switch {
	case !printable(m.ID):
		return nil, "id: must be 1 to 64 visible ASCII characters"
	case m.Bytes < 1 || m.Bytes > MaxBundle:
		return nil, fmt.Sprintf("bytes: must be 1 to %d", MaxBundle)
	case m.Chunks != (m.Bytes+BundleChunk-1)/BundleChunk:
		return nil, "chunks: are not as many as the bytes need"
	case m.Chunk < 1 || m.Chunk > m.Chunks:
		return nil, "chunk: must be 1 to chunks"
	case !sha256Form.MatchString(m.SHA256):
		return nil, "sha256: must be 64 hex digits"
	}
	piece, err := base64.RawURLEncoding.Strict().DecodeString(m.Data)
	if at := (m.Chunk - 1) * BundleChunk; err != nil || len(piece) != min(BundleChunk, m.Bytes-at) {
		return nil, "data: is not the chunk's bytes as base64url"
	}
	return piece, ""
}

func decode[T any](p strict.Plan[T], what string, b []byte, most int) (T, error) {
	if len(b) > most {
		var zero T
		return zero, fmt.Errorf("cannot read %s of %d bytes: a bank sends at most %d; ignore it", what, len(b), most)
	}
	m, err := p.Decode(b)
	if err != nil {
		return m, fmt.Errorf("cannot read %s: %w; see its schema in sync/wire/schema", what, err)
	}
	return m, nil
}

func check(what string, v int, why string) error {
	if v != Version {
		why = fmt.Sprintf("v: must be %d", Version)
	}
	if why == "" {
		return nil
	}
	return errors.New("cannot read " + what + ": " + why + "; see its schema in sync/wire/schema")
}
