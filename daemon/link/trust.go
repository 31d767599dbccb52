package link

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/sync/ticket"
	"lockerd/sync/wire"
)

// maxKeysFile bounds what is read of keys_file.
const maxKeysFile = 1 << 20

// Trust is the key set in force. It is safe for concurrent use.
type Trust struct {
	bank string
	file string
	log  *slog.Logger

	mu      sync.RWMutex
	keys    *wire.Keys // nil: nobody is trusted
	version int64      // 0: of the keys file
}

// storedTrust is locker.ValueTrust.
type storedTrust struct {
	Version int64           `json:"version"`
	JWKS    json.RawMessage `json:"jwks"`
}

// NewTrust takes the stored key set if there is one, else that of the file,
// which is looked for again at each connection. Without a file nobody is trusted.
func NewTrust(bankName, file string, stored []byte, log *slog.Logger) (*Trust, error) {
	t := &Trust{bank: bankName, file: file, log: log}
	if file == "" {
		return t, nil
	}
	if len(stored) > 0 {
		var s storedTrust
		if err := json.Unmarshal(stored, &s); err != nil {
			return nil, fmt.Errorf("cannot read the stored key set: %w", err)
		}
		keys, err := wire.ParseKeys(s.JWKS)
		if err != nil {
			return nil, fmt.Errorf("cannot read the stored key set, version %d: %w", s.Version, err)
		}
		t.keys, t.version = keys, s.Version
		return t, nil
	}
	t.refresh()
	return t, nil
}

// refresh reads the keys file unless a key set from above is in force. One that
// can't be read leaves the last one in force.
func (t *Trust) refresh() {
	if _, version := t.Keys(); t.file == "" || version > 0 {
		return
	}
	keys, err := readKeys(t.file) // not under the lock: the bank waits for that
	if err != nil {
		t.log.Error("the keys file can't be used: what it should vouch for is refused", slog.Any("error", err))
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version == 0 {
		t.keys = keys
	}
}

func readKeys(file string) (*wire.Keys, error) {
	st, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read keys_file: %w; put the fleet's public keys there (lockerctl fleet keys)", err)
	}
	if st.Size() > maxKeysFile {
		return nil, fmt.Errorf("cannot read keys_file %q: %d bytes, at most %d; is it the right file?", file, st.Size(), maxKeysFile)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read keys_file: %w; put the fleet's public keys there (lockerctl fleet keys)", err)
	}
	keys, err := wire.ParseKeys(b)
	if err != nil {
		return nil, fmt.Errorf("cannot read keys_file %q: %w", file, err)
	}
	return keys, nil
}

// Keys returns the keys in force and their version.
func (t *Trust) Keys() (*wire.Keys, int64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.keys, t.version
}

func (t *Trust) put(keys *wire.Keys, version int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys, t.version = keys, version
}

// Ticket opens a ticket's text for the bank.
func (t *Trust) Ticket(text string) (bank.Ticket, locker.Reason) {
	keys, _ := t.Keys()
	k, reason := ticket.Open(text, t.bank, keys)
	if reason != locker.Granted {
		return bank.Ticket{}, reason
	}
	return bank.Ticket{Set: k.Set(), Code: k.Code()}, locker.Granted
}
