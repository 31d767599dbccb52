package enrol

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Version of the messages.
const Version = 1

// Paths of the endpoint, below its address.
const (
	PathEnrol = "/v1/enrol"
	PathRenew = "/v1/renew"
)

// MaxBody bounds a message either way.
const MaxBody = 256 << 10

// Request asks for the first certificate of a board.
type Request struct {
	V     int    `json:"v"`
	Token string `json:"token"`
	CSR   string `json:"csr"` // PEM; its CN is the bank
}

// Grant is what makes a board a bank. As a file it is what is carried on a stick.
type Grant struct {
	V           int             `json:"v"`
	Bank        string          `json:"bank"`
	Certificate string          `json:"certificate"`     // PEM, the bank's first, then what leads to CA
	CA          string          `json:"ca"`              // PEM, of who signs banks and the endpoint
	BrokerCA    string          `json:"broker_ca"`       // PEM, by which the broker is known
	Trust       json.RawMessage `json:"trust,omitempty"` // key set for [trust] keys_file; absent: unchanged
	URL         string          `json:"url,omitempty"`   // where it is renewed; absent: where it was asked for
}

// Codes of refusals.
const (
	Malformed    = "malformed"
	UnknownToken = "unknown_token"
	TokenUsed    = "token_used"
	TokenExpired = "token_expired"
	Withdrawn    = "token_withdrawn"
	WrongBank    = "wrong_bank"
	KeyRevoked   = "key_revoked"
	Revoked      = "revoked"
	Expired      = "expired"
	Unknown      = "unknown_certificate"
	Enrolled     = "already_enrolled"
)

// Refusal is a final answer, in words for the person who has to mend it.
type Refusal struct { //nolint:errname // it is a message too
	Code string `json:"code"`
	Text string `json:"error"`
	Cure string `json:"cure,omitempty"`
}

// Error implements error.
func (r *Refusal) Error() string { return r.Text }

// Refuse makes a refusal.
func Refuse(code, cure, text string, args ...any) *Refusal {
	return &Refusal{Code: code, Text: fmt.Sprintf(text, args...), Cure: cure}
}

// CSR makes the request of a bank for a certificate, as PEM. The key stays where it is.
func CSR(bank string, key crypto.Signer) (string, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: bank}}, key)
	if err != nil {
		return "", fmt.Errorf("cannot sign a certificate request: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

// ErrCSR is returned for what is no request of a bank.
var ErrCSR = errors.New("it is no certificate request in PEM, signed by its own ECDSA key on P-256 or P-384")

// ParseCSR reads a request, and checks that who made it has the key. Everything in it but
// name and key is left aside: what a certificate says is the authority's to decide.
func ParseCSR(text string) (bank string, key *ecdsa.PublicKey, err error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return "", nil, ErrCSR
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || csr.CheckSignature() != nil {
		return "", nil, ErrCSR
	}
	key, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
		return "", nil, ErrCSR
	}
	return csr.Subject.CommonName, key, nil
}

// KeyID names a public key: the digest of its SubjectPublicKeyInfo, in hex.
func KeyID(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("cannot name a key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// ShortKeyID is as much of a KeyID as two people compare by telephone.
func ShortKeyID(id string) string {
	const most = 16
	return id[:min(len(id), most)]
}

// TokenHash is what is stored of a token. A token has 128 random bits, so that nothing
// slower is needed.
func TokenHash(token string) string {
	sum := sha256.Sum256([]byte("lockerd enrol token v1\x00" + token))
	return hex.EncodeToString(sum[:])
}

// RenewAt is when two thirds of a certificate's life are over.
func RenewAt(cert *x509.Certificate) time.Time {
	return cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) / 3 * 2)
}

// Serial writes a certificate's serial number as lockerctl shows it.
func Serial(cert *x509.Certificate) string { return fmt.Sprintf("%032x", cert.SerialNumber) }
