package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"lockerd/daemon/locker"
)

const maxReason = 200 // characters: it is journaled with every opening

// action reads the strict body of a POST and who asks for it.
func (s *Server) action(w http.ResponseWriter, r *http.Request, body any) (string, error) {
	q, err := query(r, "by")
	if err != nil {
		return "", err
	}
	by, err := byOf(whoIs(r.Context()).user, q.Get("by"))
	if err != nil {
		return "", invalid(err.Error(), "give a short name")
	}
	return by, decode(http.MaxBytesReader(w, r.Body, maxBody), body)
}

// decode reads exactly one JSON value without unknown members.
func decode(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = errors.New("something follows it")
		}
	}
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return invalid(fmt.Sprintf("cannot read the request: it is larger than %d bytes", big.Limit), "send less")
	}
	return invalid(fmt.Sprintf("cannot read the request: %v", err), "use the lockerctl of the version of lockerd")
}

// query returns the query of a request and refuses members it does not know.
func query(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid(fmt.Sprintf("cannot read the query: %v", err), "use the lockerctl of the version of lockerd")
	}
	for name, values := range q {
		if !slices.Contains(known, name) || len(values) != 1 {
			return nil, invalid(fmt.Sprintf("cannot take query member %.40q: %s takes each of [%s] once", name, r.URL.Path, strings.Join(known, " ")), "use the lockerctl of the version of lockerd")
		}
	}
	return q, nil
}

// logAction notes an action; what it was about is in the journal.
func (s *Server) logAction(r *http.Request, by string, err error) {
	attrs := []slog.Attr{slog.String("verb", strings.TrimPrefix(r.URL.Path, "/v1/")), slog.String("by", by)}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "control: action", attrs...)
}

func needDoor(d locker.DoorID) error {
	if d.IsZero() {
		return invalid("cannot tell which door is meant", "give \"door\", for example \"1-07\"")
	}
	return nil
}

func badText(s string, most int) bool {
	return !utf8.ValidString(s) || utf8.RuneCountInString(s) > most || strings.ContainsFunc(s, isControl)
}

// stockBody is StockRequest as it arrives: an item left out is no order to
// clear a door, only null is.
type stockBody struct {
	Door locker.DoorID `json:"door"`
	Item maybeItem     `json:"item"`
}

// auditBody is bank.Audited as it arrives, likewise.
type auditBody struct {
	Audit    string        `json:"audit"`
	Door     locker.DoorID `json:"door"`
	Expected maybeItem     `json:"expected"`
	Found    maybeItem     `json:"found"`
	From     locker.DoorID `json:"from"`
}

type maybeItem struct {
	given bool
	item  *locker.Item
}

// UnmarshalJSON implements json.Unmarshaler; it is called for null too.
func (m *maybeItem) UnmarshalJSON(b []byte) error {
	m.given = true
	if string(b) == "null" {
		m.item = nil
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	m.item = &locker.Item{}
	return d.Decode(m.item)
}
