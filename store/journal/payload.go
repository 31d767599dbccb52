package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Line is one stored event: its seq and its JSON bytes as they are sent.
type Line struct {
	Seq  uint64
	JSON []byte
}

// Record is one commit as it is stored. Index counts commits from 1.
type Record struct {
	Index uint64
	Lines []Line
	State []byte
}

var errPayload = errors.New("cannot read a journal record: its parts do not fit its length")

// encodePayload returns the stored form of r without its index.
func encodePayload(r *Record) []byte {
	n := 8 + len(r.State)
	for _, l := range r.Lines {
		n += 12 + len(l.JSON)
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, n), uint32(len(r.Lines)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.State)))
	for _, l := range r.Lines {
		b = binary.LittleEndian.AppendUint64(b, l.Seq)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(l.JSON)))
		b = append(b, l.JSON...)
	}
	return append(b, r.State...)
}

// parsePayload reads what encodePayload wrote. The record's bytes are p's.
func parsePayload(index uint64, p []byte) (Record, error) {
	var r Record
	if err := r.parse(index, p); err != nil {
		return Record{}, err
	}
	return r, nil
}

// parse is parsePayload into r, whose Lines are used again.
func (r *Record) parse(index uint64, p []byte) error {
	if len(p) < 8 {
		return errPayload
	}
	n, state := binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:])
	p = p[8:]
	if uint64(n)*12+uint64(state) > uint64(len(p)) {
		return errPayload
	}
	r.Index, r.Lines = index, slices.Grow(r.Lines[:0], int(n))
	for range n {
		if len(p) < 12 {
			return errPayload
		}
		size := uint64(binary.LittleEndian.Uint32(p[8:]))
		if size > uint64(len(p)-12) {
			return errPayload
		}
		r.Lines = append(r.Lines, Line{Seq: binary.LittleEndian.Uint64(p), JSON: p[12 : 12+size]})
		p = p[12+size:]
	}
	if len(p) != int(state) {
		return errPayload
	}
	r.State = p
	return nil
}

// head is the first frame of a segment: enough to verify the segment without
// the ones in front of it.
type head struct {
	ID    string `json:"id"`            // of the journal
	Seq   uint64 `json:"seq"`           // of the first event from here on
	Prev  []byte `json:"prev"`          // link in front of it
	Why   string `json:"why,omitempty"` // of the first segment: why this journal replaced another
	Level int    `json:"level,omitempty"`

	// Of a rewritten segment, which may have lost records at its end.
	LastIndex uint64 `json:"last_index,omitempty"`
	LastSeq   uint64 `json:"last_seq,omitempty"`
	LastHash  []byte `json:"last_hash,omitempty"`
}

func (h *head) frame(index uint64) (frame, error) {
	p, err := json.Marshal(h)
	if err != nil {
		return frame{}, fmt.Errorf("cannot encode a segment head: %w", err)
	}
	return frame{index: index, kind: kindHead, payload: p}, nil
}

func parseHead(p []byte) (head, error) {
	var h head
	if err := json.Unmarshal(p, &h); err != nil {
		return head{}, fmt.Errorf("cannot read a segment head: %w", err)
	}
	if len(h.Prev) != len(Hash{}) {
		return head{}, fmt.Errorf("cannot read a segment head: %d bytes of hash instead of %d", len(h.Prev), len(Hash{}))
	}
	return h, nil
}
