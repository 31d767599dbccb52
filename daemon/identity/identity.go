package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
	"lockerd/sync/enrol"
	"lockerd/sync/peer"
	"lockerd/sync/wire"
)

// Names of the copies, below the directory.
const (
	CertFile  = "bank.pem"
	CAFile    = "ca.pem" // by which the broker is known
	TrustFile = "trust.json"

	recordFile = "identity.json"
	whyFile    = "refused.txt"
	keysDir    = "keys"
)

// Clock gives bank time and how far it can be trusted.
type Clock func() (now time.Time, status locker.Clock)

// Options are what an identity stands on.
type Options struct {
	Bank  string
	Dir   string
	Keys  Keys   // nil: files in Dir
	Seed  string // file where a seed may lie; "": nowhere
	URL   string // where the certificate is renewed; "": where the operator has said
	Clock Clock
	// Dial reaches the endpoint; nil: by TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Identity is the bank's, as it lies on disk. One process owns the directory. It is
// safe for concurrent use.
type Identity struct {
	o    Options
	keys Keys
	disk disk
	seed seedFile

	mu      sync.Mutex
	rec     *record // nil: not enrolled
	cert    *tls.Certificate
	why     string      // why there is no certificate
	file    os.FileInfo // of the record that was read last
	settled bool        // the copies are those of rec
}

// record is identity.json.
type record struct {
	V     int         `json:"v"`
	Key   string      `json:"key"`             // its name
	Token string      `json:"token,omitempty"` // hash of the one it came by
	Sown  bool        `json:"sown,omitempty"`  // its seed is not erased yet
	URL   string      `json:"url,omitempty"`
	Grant enrol.Grant `json:"grant"`
}

// Open reads what is there. What can't be read keeps no bank from starting: it is why
// there is no certificate, and a seed or a stick heals it.
func Open(o Options) *Identity { return open(o, disk{}) }

func open(o Options, d disk) *Identity {
	i := &Identity{o: o, keys: o.Keys, disk: d, seed: seedFile{o.Seed, d}, why: "it has not been enrolled"}
	if i.keys == nil {
		i.keys = &fileKeys{filepath.Join(o.Dir, keysDir), d}
	}
	i.refresh()
	return i
}

func (i *Identity) path(name string) string { return filepath.Join(i.o.Dir, name) }

// refresh takes the record as it lies on disk, if it is another than the last: somebody
// may have installed one from a stick.
func (i *Identity) refresh() {
	st, err := os.Stat(i.path(recordFile))
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil && i.file != nil && os.SameFile(i.file, st) && i.file.ModTime().Equal(st.ModTime()) {
		return
	}
	var r *record
	var cert *tls.Certificate
	if err == nil {
		i.file = st
		r, cert, err = i.read()
	}
	if err == nil {
		i.rec, i.cert, i.settled = r, cert, false
	} else if i.rec == nil && !errors.Is(err, fs.ErrNotExist) {
		i.why = err.Error()
	}
}

func (i *Identity) read() (*record, *tls.Certificate, error) {
	raw, err := os.ReadFile(i.path(recordFile))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the bank's identity: %w", err)
	}
	r := &record{}
	if err := json.Unmarshal(raw, r); err != nil || r.V != 1 {
		return nil, nil, fmt.Errorf("%s is damaged", i.path(recordFile))
	}
	cert, err := i.load(r)
	return r, cert, err
}

// load makes the certificate with its key.
func (i *Identity) load(r *record) (*tls.Certificate, error) {
	if r.Grant.Bank != i.o.Bank {
		return nil, fmt.Errorf("the identity in %s is that of %s, and this bank is %s", i.o.Dir, r.Grant.Bank, i.o.Bank)
	}
	names, err := i.keys.Names()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, r.Key) {
		return nil, errors.New("the key of its certificate is gone")
	}
	key, err := i.keys.Key(r.Key)
	if err != nil {
		return nil, err
	}
	return pair(&r.Grant, key)
}

// lock keeps other processes from changing the directory meanwhile: lockerd and an
// engineer's lockerctl may both be at it.
func (i *Identity) lock() (unlock func(), err error) {
	if err := i.disk.mkdir(i.o.Dir); err != nil {
		return nil, err
	}
	f, err := os.Open(i.o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot use the identity: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", i.o.Dir, err), f.Close())
	}
	i.refresh()
	return func() { _ = f.Close() }, nil // it was only read; the lock goes with it
}

// pair puts a certificate and its key together.
func pair(g *enrol.Grant, key crypto.Signer) (*tls.Certificate, error) {
	chain := peer.Certificates([]byte(g.Certificate))
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	pub, ok := chain[0].PublicKey.(interface{ Equal(x crypto.PublicKey) bool })
	if !ok || !pub.Equal(key.Public()) {
		return nil, errors.New("the certificate is for another key than this board's")
	}
	t := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		t.Certificate = append(t.Certificate, c.Raw)
	}
	return t, nil
}

// Certificate is the bank's present one, for each connection anew.
func (i *Identity) Certificate() (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cert == nil {
		return nil, fmt.Errorf("cannot show a certificate: the bank has none: %s; next: lockerctl enrol status", i.why)
	}
	return i.cert, nil
}

// present returns record and certificate, nil if there are none.
func (i *Identity) present() (*record, *tls.Certificate) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.rec, i.cert
}

// explain says why there is no certificate, or no newer one; "" when all is well. It lies
// beside the identity for an engineer's lockerctl, and no more is lost with it than that.
func (i *Identity) explain(why string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if why != "" {
		i.why = why
	}
	have, err := os.ReadFile(i.path(whyFile))
	switch {
	case err == nil && string(have) == why, err != nil && why == "":
		return nil
	case why == "":
		return os.Remove(i.path(whyFile))
	}
	if err := i.disk.mkdir(i.o.Dir); err != nil {
		return err
	}
	return os.WriteFile(i.path(whyFile), []byte(why), fileMode)
}

// address is where the certificate is renewed.
func (i *Identity) address(r *record) string {
	if i.o.URL != "" {
		return i.o.URL
	}
	if r.Grant.URL != "" {
		return r.Grant.URL
	}
	return r.URL
}

// tokenKey names the key that a token is shown with. Each token has its own: what came
// with an old card can't be a new board's.
func tokenKey(token string) string {
	const most = 16
	return "token-" + enrol.TokenHash(token)[:most]
}

// Enrol shows a seed's token and takes what is granted. It may be called again after any
// failure.
func (i *Identity) Enrol(ctx context.Context, s *seed.Seed) error {
	if s.Bank != i.o.Bank {
		return enrol.Refuse(enrol.WrongBank, "is it the right card? bank in lockerd.toml and in the seed must be one",
			"cannot enrol: the seed is for %s, and this bank is %s", s.Bank, i.o.Bank)
	}
	unlock, err := i.lock()
	if err != nil {
		return err
	}
	defer unlock()
	token := string(s.Enrol.Token)
	name := tokenKey(token)
	key, err := i.keys.Key(name)
	if err != nil {
		return err
	}
	csr, err := enrol.CSR(s.Bank, key)
	if err != nil {
		return err
	}
	known := anchor(s.Enrol.CA)
	g, err := i.ask(ctx, s.Enrol.URL, enrol.PathEnrol, known, nil, enrol.Request{V: enrol.Version, Token: token, CSR: csr})
	if err != nil {
		return err
	}
	return i.take(&record{V: 1, Key: name, Token: enrol.TokenHash(token), Sown: true, URL: s.Enrol.URL, Grant: *g}, key, known)
}

// Renew asks for a new certificate by the present one. It tells whether there is one.
func (i *Identity) Renew(ctx context.Context) (bool, error) {
	unlock, err := i.lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	r, cert := i.present()
	if cert == nil {
		_, err := i.Certificate()
		return false, err
	}
	roots := peer.Certificates([]byte(r.Grant.CA))
	if len(roots) == 0 || i.address(r) == "" {
		return false, errors.New("cannot renew the certificate: nobody has said where; set url in [identity], or enrol by a token")
	}
	known := peer.Verifier{Roots: roots}
	g, err := i.ask(ctx, i.address(r), enrol.PathRenew, known, cert, struct{}{})
	if err != nil {
		return false, err
	}
	if g.Certificate == r.Grant.Certificate {
		return false, nil
	}
	next := *r
	next.Grant = *g
	next.Grant.CA = r.Grant.CA // who signs is not changed on the way
	key, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return false, errors.New("cannot renew the certificate: its key can't sign")
	}
	return true, i.take(&next, key, known)
}

// judge is when certificates are judged.
func (i *Identity) judge() (time.Time, bool) {
	now, status := i.o.Clock()
	return now, status == locker.ClockSynced
}

// take checks a grant and stores it. known is who must have signed.
func (i *Identity) take(r *record, key crypto.Signer, known peer.Verifier) error {
	cert, err := i.check(r, key, known)
	if err != nil {
		return fmt.Errorf("cannot take the certificate that was granted: %w", err)
	}
	if old, _ := i.present(); old != nil && len(r.Grant.Trust) == 0 {
		r.Grant.Trust = old.Grant.Trust
	}
	if err := i.write(r); err != nil {
		return err
	}
	if _, now := i.present(); now == nil || !now.Leaf.Equal(cert.Leaf) {
		return errors.New("cannot take the certificate that was granted: it is not on disk as it was written; is the card failing?")
	}
	return i.settle()
}

func (i *Identity) write(r *record) error {
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := i.disk.write(i.path(recordFile), append(raw, '\n')); err != nil {
		return err
	}
	i.refresh()
	return nil
}

// used ends what came by a token: all other keys, and the seed. That it has done so is
// written down, for a seed that a cut has left half erased can't be known from one that
// somebody has written wrongly.
func (i *Identity) used() error {
	unlock, err := i.lock()
	if err != nil {
		return err
	}
	defer unlock()
	r, _ := i.present()
	if r == nil {
		return nil
	}
	if err := errors.Join(i.keys.Keep(r.Key), i.seed.erase()); err != nil || !r.Sown {
		return err
	}
	next := *r
	next.Sown = false
	return i.write(&next)
}

// settle writes the copies, if they are not those of the record.
func (i *Identity) settle() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.rec == nil || i.settled {
		return nil
	}
	err := i.copies(i.rec)
	i.settled = err == nil
	return err
}

func (i *Identity) check(r *record, key crypto.Signer, known peer.Verifier) (*tls.Certificate, error) {
	g := &r.Grant
	if g.Bank != i.o.Bank {
		return nil, fmt.Errorf("it is for %s", g.Bank)
	}
	cert, err := pair(g, key)
	if err != nil {
		return nil, err
	}
	if cn := cert.Leaf.Subject.CommonName; cn != i.o.Bank {
		return nil, fmt.Errorf("it names %q", cn)
	}
	chain := append(peer.Certificates([]byte(g.Certificate)), peer.Certificates([]byte(g.CA))...)
	known.Whom, known.Clock = "the bank", i.judge
	if err := known.Chain(chain, x509.ExtKeyUsageClientAuth); err != nil {
		return nil, err
	}
	if len(peer.Certificates([]byte(g.BrokerCA))) == 0 {
		return nil, errors.New("the broker's CA is not with it")
	}
	if len(g.Trust) > 0 {
		if _, err := wire.ParseKeys(g.Trust); err != nil {
			return nil, fmt.Errorf("the key set that came with it can't be used: %w", err)
		}
	}
	return cert, nil
}

// copies writes what others read, where it differs.
func (i *Identity) copies(r *record) error {
	for name, text := range map[string]string{CertFile: r.Grant.Certificate, CAFile: r.Grant.BrokerCA, TrustFile: string(r.Grant.Trust)} {
		if text == "" {
			continue
		}
		if have, err := os.ReadFile(i.path(name)); err == nil && bytes.Equal(have, []byte(text)) {
			continue
		}
		if err := i.disk.write(i.path(name), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}
