package wire

import (
	"encoding/json"
	"fmt"

	"lockerd/daemon/locker"
	"lockerd/sync/wire/internal/strict"
)

// codes is Codes with its records unread, so that a bad one can be named.
type codes struct {
	Head
	Set    string            `json:"set"`
	Epoch  int64             `json:"epoch"`
	From   *int64            `json:"from,omitempty"`
	To     int64             `json:"to"`
	Ops    []op              `json:"ops,omitempty"`
	Chunk  *int              `json:"chunk,omitempty"`
	Chunks *int              `json:"chunks,omitempty"`
	Put    []json.RawMessage `json:"put,omitempty"`
	Digest locker.Digest     `json:"digest"`
	Nonce  string            `json:"nonce,omitempty"`
	At     locker.Time       `json:"at,omitzero"`
}

type op struct {
	Put    json.RawMessage `json:"put,omitempty"`
	Revoke *string         `json:"revoke,omitempty"`
	Drop   *string         `json:"drop,omitempty"`
}

var (
	codesPlan  = strict.Compile[codes](nil)
	recordPlan = strict.Compile[locker.Code](nil)
	idPlan     = strict.Compile[struct {
		ID string `json:"id"`
	}](nil)
)

func readCodes(body []byte) (Down, *Refusal) {
	c, err := codesPlan.Decode(body)
	if err != nil {
		return nil, malformed(err)
	}
	if why := c.shape(); why != "" {
		return nil, &Refusal{Reason: Malformed, Why: why}
	}
	m := &Codes{
		Head: c.Head, Set: c.Set, Epoch: c.Epoch, From: c.From, To: c.To,
		Digest: &c.Digest, Nonce: c.Nonce, At: c.At,
	}
	if c.From == nil {
		m.Chunk, m.Chunks = *c.Chunk, *c.Chunks
		m.Put, err = c.records()
	} else {
		m.Ops, err = c.changes()
	}
	if err != nil {
		return nil, asRefusal(err)
	}
	return m, nil
}

// shape tells a delta from a chunk of a snapshot, and judges the members beside
// the records.
func (c *codes) shape() string {
	switch {
	case validSet(c.Set) == "":
		return "set: must be * or a tenant's name"
	case c.Epoch < 0 || c.To < 0:
		return "epoch and to: must not be below 0"
	case len(c.Nonce) > 0 && !printable(c.Nonce):
		return "nonce: must be at most 64 visible ASCII characters"
	case !c.At.IsZero() && !signedTime(c.At):
		return "at: " + whySigned
	case c.From != nil:
		return c.delta()
	case c.Chunk == nil || c.Chunks == nil:
		return "has neither from (a delta) nor chunk and chunks (a snapshot)"
	case c.Ops != nil:
		return "ops: must not stand in a snapshot"
	case *c.Chunks < 1 || *c.Chunks > MaxChunks || *c.Chunk < 1 || *c.Chunk > *c.Chunks:
		return fmt.Sprintf("chunk: must be 1 to chunks, chunks at most %d", MaxChunks)
	}
	return ""
}

func (c *codes) delta() string {
	switch {
	case c.Chunk != nil || c.Chunks != nil || c.Put != nil:
		return "chunk, chunks and put: must not stand beside from"
	case *c.From < 0 || *c.From > c.To:
		return "from: must be 0 to to"
	case *c.From == c.To && len(c.Ops) > 0:
		return "ops: must not stand in a confirmation, whose from equals to"
	}
	return ""
}

// changes reads the operations of a delta. One bad record fells the message.
func (c *codes) changes() ([]Op, error) {
	ops := make([]Op, len(c.Ops))
	for i, o := range c.Ops {
		set := 0
		if o.Put != nil {
			rec, err := record(c.Set, o.Put)
			if err != nil {
				return nil, err
			}
			ops[i].Put = rec
			set++
		}
		for _, w := range []struct {
			word string
			from *string
			to   *string
		}{{"revoke", o.Revoke, &ops[i].Revoke}, {"drop", o.Drop, &ops[i].Drop}} {
			if w.from == nil {
				continue
			}
			if set++; !locker.ValidCodeID(*w.from) {
				return nil, &Refusal{Reason: Malformed, Op: w.word, Why: fmt.Sprintf("ops[%d].%s: %s", i, w.word, whyID)}
			}
			*w.to = *w.from
		}
		if set != 1 {
			return nil, &Refusal{Reason: Malformed, Why: fmt.Sprintf("ops[%d]: must have exactly one of put, revoke, drop", i)}
		}
	}
	return ops, nil
}

// records reads the records of a chunk. None may stand there twice.
func (c *codes) records() ([]locker.Code, error) {
	all := make([]locker.Code, len(c.Put))
	ids, tags := make(map[string]bool, len(all)), make(map[locker.Tag]bool, len(all))
	for i, b := range c.Put {
		rec, err := record(c.Set, b)
		switch {
		case err != nil:
			return nil, err
		case ids[rec.ID]:
			return nil, &Refusal{Reason: Malformed, Op: "put", ID: rec.ID, Why: "id: stands twice in one chunk"}
		case tags[rec.Tag]:
			return nil, &Refusal{Reason: Malformed, Op: "put", ID: rec.ID, Why: "tag: stands twice in one chunk"}
		}
		ids[rec.ID], tags[rec.Tag], all[i] = true, true, *rec
	}
	return all, nil
}

// record reads one record. The refusal names it.
func record(set string, b []byte) (*locker.Code, error) {
	c, err := recordPlan.Decode(b)
	if err != nil {
		r := &Refusal{Reason: Malformed, Op: "put", Why: err.Error()}
		if p, err := idPlan.Decode(b); err == nil && locker.ValidCodeID(p.ID) {
			r.ID = p.ID
		}
		return nil, r
	}
	if reason, why := CheckCode(set, &c); reason != "" {
		r := &Refusal{Reason: reason, Op: "put", Why: why}
		if locker.ValidCodeID(c.ID) {
			r.ID = c.ID
		}
		return nil, r
	}
	return &c, nil
}
