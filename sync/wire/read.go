package wire

import (
	"encoding/json"

	"lockerd/daemon/locker"
	"lockerd/sync/wire/internal/strict"
)

// extra marks members whose tags stand in daemon/locker.
var extra = map[string]string{
	"CommandArgs.item": "null", // set_stock: null empties the door
}

// setHead is what is read of a codes message before it is known to be for us.
type setHead struct {
	Set string `json:"set"`
}

// desired is Desired with its document unread: what is wrong there is answered
// with config.rejected.
type desired struct {
	Head
	Version int64           `json:"version"`
	Doc     json.RawMessage `json:"doc"`
}

var (
	ackPlan     = strict.Compile[Ack](nil)
	setPlan     = strict.Compile[setHead](nil)
	desiredPlan = strict.Compile[desired](nil)
	docPlan     = strict.Compile[locker.Desired](nil)
	trustPlan   = strict.Compile[Trust](nil)
)

// Signed times raise the floor of the bank's clock, so they must be of this age.
const (
	minSigned locker.Time = 1577836800000 // 2020-01-01
	maxSigned locker.Time = 4102444800000 // 2100-01-01
)

func signedTime(t locker.Time) bool { return t >= minSigned && t < maxSigned }

const whySigned = "is not between 2020 and 2100"

func readAck(body []byte) (Down, *Refusal) {
	m, err := ackPlan.Decode(body)
	switch {
	case err != nil:
		return nil, malformed(err)
	case !signedTime(m.At):
		return nil, &Refusal{Reason: Malformed, Why: "at: " + whySigned}
	}
	return &m, nil
}

func readDesired(body []byte) (Down, *Refusal) {
	d, err := desiredPlan.Decode(body)
	switch {
	case err != nil:
		return nil, malformed(err)
	case d.Version < 1:
		return nil, &Refusal{Reason: Malformed, Why: "version: must be 1 or more"}
	}
	m := &Desired{Head: d.Head, Version: d.Version}
	doc, err := docPlan.Decode(d.Doc)
	if err == nil {
		err = CheckDesired(&doc)
	}
	if err != nil {
		m.Bad = locker.Cut(err.Error(), maxWhy)
		return m, nil
	}
	m.Doc = doc
	return m, nil
}

func readTrust(body []byte) (Down, *Refusal) {
	m, err := trustPlan.Decode(body)
	switch {
	case err != nil:
		return nil, malformed(err)
	case m.Version < 1:
		return nil, &Refusal{Reason: Malformed, Why: "version: must be 1 or more"}
	}
	if m.Keys, err = ParseKeys(m.JWKS); err != nil {
		return nil, malformed(err)
	}
	for _, k := range m.Keys.All() {
		if k.Can(TypTrust) {
			return &m, nil
		}
	}
	return nil, &Refusal{Reason: Malformed, Why: "leaves no key that may trust"}
}
