package identity

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"lockerd/sync/enrol"
	"lockerd/sync/peer"
)

// requestKey begins the names of keys whose requests were carried on a stick.
const requestKey = "request-"

// Request returns the bank's request for a certificate, as PEM, and its key's ID. The
// same key is asked for until fresh: a second stick is as good as the first.
func (i *Identity) Request(fresh bool) (csr, id string, err error) {
	unlock, err := i.lock()
	if err != nil {
		return "", "", err
	}
	defer unlock()
	names, err := i.keys.Names()
	if err != nil {
		return "", "", err
	}
	last := 0
	for _, n := range names {
		if number, ok := strings.CutPrefix(n, requestKey); ok {
			if v, err := strconv.Atoi(number); err == nil {
				last = max(last, v)
			}
		}
	}
	if fresh || last == 0 {
		last++
	}
	key, err := i.keys.Key(requestKey + strconv.Itoa(last))
	if err != nil {
		return "", "", err
	}
	if id, err = enrol.KeyID(key.Public()); err != nil {
		return "", "", err
	}
	csr, err = enrol.CSR(i.o.Bank, key)
	return csr, id, err
}

// Install takes a grant that was carried here, for one of this board's keys. Who signs
// is believed as it stands in the grant, as whoever can call this owns the board; if the
// bank knows a CA already it must be that one, unless anew.
func (i *Identity) Install(raw []byte, anew bool) error {
	g := &enrol.Grant{}
	if err := json.Unmarshal(raw, g); err != nil || g.V != enrol.Version {
		return enrol.Refuse(enrol.Malformed, "lockerctl enrol sign writes it", "cannot install the certificate: the file is none of lockerctl enrol sign")
	}
	cas := peer.Certificates([]byte(g.CA))
	if len(cas) == 0 {
		return enrol.Refuse(enrol.Malformed, "lockerctl enrol sign writes it", "cannot install the certificate: the CA is not with it")
	}
	pin := peer.Fingerprint(cas[0])
	unlock, err := i.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if r, _ := i.present(); r != nil && !anew {
		if have := peer.Certificates([]byte(r.Grant.CA)); len(have) > 0 && peer.Fingerprint(have[0]) != pin {
			return enrol.Refuse(enrol.Unknown, "if the operator has a new CA: --new-ca", "cannot install the certificate: another CA has signed it than this bank's")
		}
	}
	names, err := i.keys.Names()
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, n := range names {
		key, err := i.keys.Key(n)
		if err != nil {
			return err
		}
		if _, err := pair(g, key); err == nil {
			if err := i.take(&record{V: 1, Key: n, URL: g.URL, Grant: *g}, key, peer.Verifier{Pin: pin}); err != nil {
				return err
			}
			return i.keys.Keep(n)
		}
	}
	return enrol.Refuse(enrol.Unknown, "lockerctl enrol request here, sign that file, install the answer",
		"cannot install the certificate: it is for no key of this board, which is %s", i.o.Bank)
}
