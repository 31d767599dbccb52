package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"lockerd/cmd/lockerctl/box"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/store/durable"
	"lockerd/sync/backend"
	"lockerd/sync/backend/boltstore"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/enrol/authority"
)

// station is a backend in this process, with its file, its keys and its connection.
type station struct {
	be     *backend.Backend
	store  *boltstore.Store
	keys   atomic.Pointer[keyFile]
	g      *globals
	cancel context.CancelFunc
	ran    chan error
	failed atomic.Pointer[error] // why the last connection failed
	log    *slog.Logger

	enrolling sync.Mutex
	auth      *authority.Authority // nil: not opened yet, or never set up
	settings  *enrolment
}

var _ desk = (*station)(nil)

func now() locker.Time { return locker.TimeOf(time.Now()) }

// openStation opens the state and connects to the broker, if one is named.
func openStation(ctx context.Context, g *globals, bank string, log *slog.Logger) (*station, error) {
	keys, err := readKeys(keyPath(g.state))
	if err != nil {
		return nil, err
	}
	if !keys.owns(locker.SetOperator) {
		return nil, fail("cannot do anything yet: there are no keys at %s", "lockerctl fleet keys new, then give the banks the trust.json it writes", keys.path)
	}
	store, err := boltstore.Open(g.state)
	if err != nil {
		return nil, err
	}
	s := &station{store: store, g: g, log: log}
	s.keys.Store(keys)
	if err := s.begin(ctx, bank, log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return s, nil
}

func (s *station) begin(ctx context.Context, bank string, log *slog.Logger) error {
	keys := s.keys.Load()
	signers, err := keys.signers()
	if err != nil {
		return err
	}
	trust, err := keys.trust()
	if err != nil {
		return err
	}
	if _, _, err := s.authority(); err != nil && !errors.Is(err, errNotSet) {
		return err // revoked banks would be served
	}
	s.be, err = backend.New(backend.Config{Store: s.store, Keys: signers, Trust: trust, Prefix: s.g.prefix, Bank: bank, Aside: true, Log: log, Barred: s.barred})
	if err != nil || s.g.broker == "" {
		return err
	}
	o := s.options(bank)
	o.Log, o.Failed = log, func(err error) { s.failed.Store(&err) }
	if err := o.Check(); err != nil {
		return ui.Usagef("%s", err)
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.ran = make(chan error, 1)
	go func() { s.ran <- mqttlink.Run(ctx, o, s.be) }()
	return nil
}

// authority is the fleet's, opened once.
func (s *station) authority() (*authority.Authority, *enrolment, error) {
	s.enrolling.Lock()
	defer s.enrolling.Unlock()
	if s.auth == nil {
		var err error
		if s.auth, s.settings, err = s.loadAuthority(); err != nil {
			return nil, nil, err
		}
	}
	return s.auth, s.settings, nil
}

// barred tells whether all of a bank's certificates are revoked.
func (s *station) barred(bank string) bool {
	s.enrolling.Lock()
	defer s.enrolling.Unlock()
	return s.auth != nil && s.auth.Barred(bank)
}

func (s *station) options(bank string) mqttlink.Options {
	qos := byte(1)
	if s.g.qos0 {
		qos = 0
	}
	id := "lockerctl-fleet"
	if bank != "" || s.g.user == "" {
		id = fmt.Sprintf("lockerctl-fleet-%d", os.Getpid()) // beside others
	}
	return mqttlink.Options{
		URL: s.g.broker, ClientID: id, Username: s.g.user, PasswordFile: s.g.passwordFile,
		CAFile: s.g.ca, CertFile: s.g.cert, KeyFile: s.g.key, QoS: qos,
	}
}

func (s *station) close() error {
	var err error
	if s.cancel != nil {
		s.cancel()
		err = <-s.ran
	}
	return errors.Join(err, s.store.Close())
}

// ask carries out an operation as a serve would: through JSON, so that both ways are
// one.
func (s *station) ask(ctx context.Context, op string, in, out any) error {
	do, ok := operations()[op]
	if !ok {
		return fail("there is no operation %q", "use one version of lockerctl for both", op)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := do(ctx, s, raw)
	if err != nil || out == nil {
		return err
	}
	if raw, err = json.Marshal(answer); err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

// Quiet is when the retained messages of a new connection have come.
const (
	quietTime = 300 * time.Millisecond
	quietMax  = 5 * time.Second
)

// settle waits until the banks' retained messages have come, or wait is over.
func (s *station) settle(ctx context.Context, wait time.Duration) error {
	if s.g.broker == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(wait, quietMax))
	defer cancel()
	for {
		c := s.be.Changed()
		select {
		case <-c:
		case <-time.After(quietTime):
			if s.be.Connected() {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reached is an error if the broker is not.
func (s *station) reached() error {
	if why, cure := s.away(); why != "" {
		return fail("cannot reach any bank: %s", cure, why)
	}
	return nil
}

// away says why the broker is not reached, and the cure; "": it is.
func (s *station) away() (why, cure string) {
	switch {
	case s.g.broker == "":
		return "no broker is named", "--broker mqtts://broker.example.com:8883, or $LOCKERCTL_BROKER"
	case s.be.Connected():
		return "", ""
	}
	why = "no answer"
	if err := s.failed.Load(); err != nil && *err != nil {
		why = (*err).Error()
	}
	return why, "is the broker up, its address right, may this user connect and subscribe to " + s.g.prefix + "/#?"
}

// trustNow gives the fleet the key set of the key file.
func (s *station) trustNow() (int64, error) {
	old := s.keys.Load()
	keys, err := readKeys(old.path)
	if err != nil {
		return 0, err
	}
	set, err := keys.trust()
	if err != nil {
		return 0, err
	}
	signers, err := keys.signers()
	if err != nil {
		return 0, err
	}
	have := map[string]bool{}
	for _, k := range old.Keys {
		have[k.KID] = true
	}
	var fresh []backend.Key
	for _, k := range signers {
		if !have[k.KID] {
			fresh = append(fresh, k)
		}
	}
	version, err := s.be.SetTrust(set, fresh...)
	if err == nil {
		s.keys.Store(keys)
	}
	return version, err
}

// backup writes a copy of the state, whole or not at all, and over no other file: in place of
// the state itself it would leave this process writing into a file without a name.
func (s *station) backup(path string) error {
	var b bytes.Buffer
	if err := s.store.Backup(&b); err != nil {
		return err
	}
	if err := box.WriteNew(path, b.Bytes()); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}
